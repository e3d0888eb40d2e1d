// Which content a file of another process belongs to, for the preload hook. The process is the user's, so nothing it
// can do may make this wait or lie: the descriptor is taken over first; what is asked of it before its mount is known
// to be the job's overlay is answered from the kernel's memory (AT_STATX_DONT_SYNC), never by a file system's server.
#include <fcntl.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>

#include "addon.h"

namespace tees {
namespace {

// The number of a content, in digits.
constexpr size_t kLabelMax = 32;

// proc_pid_mountinfo(5): mount id, parent id, major:minor. Mounts of one process; the line is found by its first field.
bool MountIsOn(int32_t pid, uint64_t mount, uint32_t major, uint32_t minor) {
  std::string path = "/proc/" + std::to_string(pid) + "/mountinfo";
  FILE* file = fopen(path.c_str(), "re");
  if (!file) return false;
  char* line = nullptr;
  size_t size = 0;
  bool found = false;
  while (!found && getline(&line, &size, file) > 0) {
    unsigned long long id;
    unsigned on_major, on_minor;
    if (sscanf(line, "%llu %*u %u:%u", &id, &on_major, &on_minor) != 3 || id != mount) continue;
    found = on_major == major && on_minor == minor;
    break;
  }
  free(line);
  fclose(file);
  return found;
}

// (pid, fd, major, minor, attribute): a Buffer, or undefined when it is no regular file with this attribute on a
// mount of that device.
Napi::Value FileLabel(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int32_t pid = info[0].As<Napi::Number>().Int32Value();
  int32_t number = info[1].As<Napi::Number>().Int32Value();
  uint32_t major = info[2].As<Napi::Number>().Uint32Value();
  uint32_t minor = info[3].As<Napi::Number>().Uint32Value();
  std::string attribute = info[4].As<Napi::String>().Utf8Value();
  std::string theirs = "/proc/" + std::to_string(pid) + "/fd/" + std::to_string(number);
  int fd = open(theirs.c_str(), O_PATH | O_CLOEXEC);
  if (fd < 0) return env.Undefined();
  struct statx found;
  Napi::Value result = env.Undefined();
  bool known = statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_MNT_ID, &found) == 0 &&
               (found.stx_mask & STATX_MNT_ID) && S_ISREG(found.stx_mode);
  // The mount cannot go, nor its number be another's, while the descriptor is held.
  if (known && MountIsOn(pid, found.stx_mnt_id, major, minor)) {
    char label[kLabelMax];
    std::string ours = "/proc/self/fd/" + std::to_string(fd);
    ssize_t got = getxattr(ours.c_str(), attribute.c_str(), label, sizeof label);
    if (got >= 0) result = Napi::Buffer<char>::Copy(env, label, static_cast<size_t>(got));
  }
  close(fd);
  return result;
}

}  // namespace

void InitLabels(Napi::Env env, Napi::Object exports) {
  exports.Set("fileLabel", Napi::Function::New(env, FileLabel, "fileLabel"));
}

}  // namespace tees
