// What Node's fs does not offer: extended attributes, the data extents of sparse files, umount2.
// Every function runs on the calling JavaScript thread and makes one or a few system calls.
// The "l" calls are used throughout: the last component of a path is never followed.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/types.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "work.h"

namespace tees {

// A file in more pieces than this is refused (EFBIG): the list would cost more than the holes save.
constexpr size_t kExtentsMax = 1000000;
// Most lists and values fit; larger ones take one more system call.
constexpr size_t kXattrBufferBytes = 1024;

// Calls `read(buffer, size)`, an xattr call with its usual contract, until the buffer is large enough.
// Returns the bytes read or -1 with errno.
template <typename Read>
static ssize_t ReadGrowing(std::vector<char>& buffer, Read read) {
  buffer.resize(kXattrBufferBytes);
  for (;;) {
    ssize_t got = read(buffer.data(), buffer.size());
    if (got >= 0 || errno != ERANGE) return got;
    ssize_t needed = read(nullptr, 0);
    if (needed < 0) return needed;
    // It may grow again between the two calls; then the loop goes round.
    buffer.resize(static_cast<size_t>(needed) + kXattrBufferBytes);
  }
}

static Napi::Value ListXattrs(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  std::string path = PathArgument(info, 0, "llistxattr");
  std::vector<char> list;
  ssize_t got = ReadGrowing(list, [&](char* to, size_t size) { return llistxattr(path.c_str(), to, size); });
  if (got < 0) throw SystemError(env, errno, "llistxattr", path);
  Napi::Array names = Napi::Array::New(env);
  uint32_t count = 0;
  for (const char *at = list.data(), *end = at + got; at < end;) {
    size_t length = strnlen(at, end - at);
    names.Set(count++, Napi::Buffer<char>::Copy(env, at, length));
    at += length + 1;
  }
  return names;
}

static Napi::Value GetXattr(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  std::string path = PathArgument(info, 0, "lgetxattr");
  std::string name = PathArgument(info, 1, "lgetxattr");
  std::vector<char> value;
  ssize_t got = ReadGrowing(
      value, [&](char* to, size_t size) { return lgetxattr(path.c_str(), name.c_str(), to, size); });
  if (got < 0) throw SystemError(env, errno, "lgetxattr", path);
  return Napi::Buffer<char>::Copy(env, value.data(), static_cast<size_t>(got));
}

static Napi::Value SetXattr(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  std::string path = PathArgument(info, 0, "lsetxattr");
  std::string name = PathArgument(info, 1, "lsetxattr");
  if (info.Length() < 3 || !info[2].IsBuffer()) throw Napi::TypeError::New(env, "value must be a Buffer");
  auto value = info[2].As<Napi::Buffer<char>>();
  // An empty Buffer may have no data pointer at all.
  const char* data = value.Length() > 0 ? value.Data() : "";
  if (lsetxattr(path.c_str(), name.c_str(), data, value.Length(), 0) < 0)
    throw SystemError(env, errno, "lsetxattr", path);
  return env.Undefined();
}

// lseek(2), SEEK_DATA: ENXIO says that only a hole follows; EINVAL that the file system cannot tell.
static Napi::Value DataExtents(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int fd = info[0].As<Napi::Number>().Int32Value();
  off_t size = static_cast<off_t>(info[1].As<Napi::Number>().Int64Value());
  std::vector<off_t> extents;
  for (off_t at = 0; at < size;) {
    off_t data = lseek(fd, at, SEEK_DATA);
    if (data < 0 && errno == EINVAL && at == 0) {
      extents = {0, size};
      break;
    }
    if (data < 0 && errno != ENXIO) throw SystemError(env, errno, "lseek", "");
    if (data < 0 || data >= size) break;
    off_t hole = lseek(fd, data, SEEK_HOLE);
    if (hole < 0 && errno != ENXIO) throw SystemError(env, errno, "lseek", "");
    if (hole < 0 || hole > size) hole = size;
    // A file that changes under us could answer with a hole at or before the data: no progress, no extent.
    if (hole <= data) break;
    extents.push_back(data);
    extents.push_back(hole - data);
    if (extents.size() / 2 > kExtentsMax) throw SystemError(env, EFBIG, "lseek", "");
    at = hole;
  }
  Napi::Array result = Napi::Array::New(env, extents.size());
  for (uint32_t i = 0; i < extents.size(); i++) result.Set(i, Napi::Number::New(env, extents[i]));
  return result;
}

static Napi::Value Unmount(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  std::string path = PathArgument(info, 0, "umount2");
  int flags = info[1].As<Napi::Number>().Int32Value();
  if (umount2(path.c_str(), flags) < 0) throw SystemError(env, errno, "umount2", path);
  return env.Undefined();
}

void InitFiles(Napi::Env env, Napi::Object exports) {
  exports.Set("listXattrs", Napi::Function::New(env, ListXattrs, "listXattrs"));
  exports.Set("getXattr", Napi::Function::New(env, GetXattr, "getXattr"));
  exports.Set("setXattr", Napi::Function::New(env, SetXattr, "setXattr"));
  exports.Set("dataExtents", Napi::Function::New(env, DataExtents, "dataExtents"));
  exports.Set("unmount", Napi::Function::New(env, Unmount, "unmount"));
}

}  // namespace tees
