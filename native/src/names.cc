// The names layer: executes the program that src/environment/names-program.ts has written, below one directory.
// Runs on a libuv worker thread. Each call is relative to a descriptor that was opened here with O_NOFOLLOW, so
// that no symbolic link of the layer can lead out of it. The tree is the daemon's alone (0700) while it grows.
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "addon.h"
#include "names_program.h"

namespace tees {
namespace {

using namespace names;

class TreeWriter {
 public:
  // contents: an open directory with contents by their numbers, for a program that places them; else -1.
  TreeWriter(int root, int contents, Reader& in)
      : root_(root), contents_(contents), in_(in), node_(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)) {}

  void Run() {
    if (in_.number<uint32_t>() != kNamesMagic) throw Failure{EBADMSG, "names program", ""};
    while (!in_.done()) Step();
  }

  // Where it stands, for messages.
  std::string Path() const {
    std::string path;
    for (const Open& open : open_) path += open.name + "/";
    return path + name_;
  }

 private:
  struct Open {
    Descriptor fd;
    std::string name;
  };

  int Here() const { return open_.empty() ? root_ : open_.back().fd.get(); }

  void Check(int result, const char* syscall) const {
    if (result < 0) throw Failure{errno, syscall, Path()};
  }

  // A component, never a path: what the encoder has checked is checked once more where it counts.
  void TakeName() {
    name_ = in_.name();
    bool component = !name_.empty() && name_ != "." && name_ != ".." && name_.find('/') == std::string::npos;
    if (!component) throw Failure{EBADMSG, "names program", Path()};
  }

  void Step() {
    auto operation = in_.number<uint8_t>();
    if (operation == kLeave) return Leave();
    TakeName();
    switch (operation) {
      case kEnter: Enter(); break;
      case kFile: File(); break;
      case kSymlink: Symlink(); break;
      case kFifo: Node(S_IFIFO, "mkfifo"); break;
      case kSocket: Node(S_IFSOCK, "mknod"); break;
      case kWhiteout: Whiteout(); break;
      case kLink: Link(); break;
      case kPlace: Place(); break;
      default: throw Failure{EBADMSG, "names program", Path()};
    }
    name_.clear();
  }

  void Enter() {
    Check(mkdirat(Here(), name_.c_str(), 0700), "mkdir");
    Descriptor fd(openat(Here(), name_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    Check(fd.get(), "open");
    open_.push_back({std::move(fd), std::exchange(name_, {})});
  }

  void Leave() {
    ReadMeta(in_, meta_);
    ApplyTo(Here());
    if (!open_.empty()) return open_.pop_back();
    if (!in_.done()) throw Failure{EBADMSG, "names program", ""};
  }

  void File() {
    ReadMeta(in_, meta_);
    auto size = in_.number<int64_t>();
    auto content = in_.number<uint32_t>();
    Descriptor fd(openat(Here(), name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    Check(fd.get(), "open");
    if (size > 0) Check(ftruncate(fd.get(), size), "ftruncate");
    if (content != kNoContent) {
      std::string redirect = "/.tees/" + std::to_string(content);
      Check(fsetxattr(fd.get(), "trusted.overlay.redirect", redirect.data(), redirect.size(), 0), "setxattr");
      Check(fsetxattr(fd.get(), "trusted.overlay.metacopy", "", 0, 0), "setxattr");
    }
    ApplyTo(fd.get());
  }

  // A whole file with its data, from the contents: moved where this is its last use, copied elsewhere, holes and all.
  void Place() {
    ReadMeta(in_, meta_);
    auto size = in_.number<int64_t>();
    std::string content = std::to_string(in_.number<uint32_t>());
    bool last = in_.number<uint8_t>() != 0;
    if (last) Check(renameat(contents_, content.c_str(), Here(), name_.c_str()), "rename");
    int flags = last ? O_RDONLY : O_WRONLY | O_CREAT | O_EXCL;
    Descriptor fd(openat(Here(), name_.c_str(), flags | O_NOFOLLOW | O_CLOEXEC, 0600));
    Check(fd.get(), "open");
    if (!last) {
      Descriptor from(openat(contents_, content.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
      Check(from.get(), "open");
      Check(ftruncate(fd.get(), size), "ftruncate");
      CopyData(from.get(), fd.get(), size);
    }
    ApplyTo(fd.get());
  }

  void CopyData(int from, int to, off_t size) {
    for (off_t at = 0; at < size;) {
      off_t data = lseek(from, at, SEEK_DATA);
      if (data < 0 && errno == ENXIO) return;
      if (data < 0 && errno != EINVAL) Check(-1, "lseek");
      off_t hole = data < 0 ? size : lseek(from, data, SEEK_HOLE);  // EINVAL: the file system knows of no holes
      Check(hole < 0 ? -1 : 0, "lseek");
      at = std::max<off_t>(data, at);
      while (at < hole) {
        off_t out = at;
        ssize_t copied = copy_file_range(from, &at, to, &out, static_cast<size_t>(hole - at), 0);
        Check(copied < 0 ? -1 : 0, "copy_file_range");
        if (copied == 0) throw Failure{EIO, "copy_file_range", Path()};
      }
    }
  }

  // chown clears set-id bits and file capabilities, so it comes first, then the mode, then attributes.
  void ApplyTo(int fd) {
    // Where contents are placed, a directory of somebody else's may have passed its group on.
    if (meta_.uid != 0 || meta_.gid != 0 || open_.empty() || contents_ >= 0) Check(fchown(fd, meta_.uid, meta_.gid), "chown");
    Check(fchmod(fd, meta_.mode), "chmod");
    for (const auto& [name, value] : meta_.xattrs)
      Check(fsetxattr(fd, name.c_str(), value.first, value.second, 0), "setxattr");
    if (meta_.opaque) Check(fsetxattr(fd, "trusted.overlay.opaque", "y", 1, 0), "setxattr");
    Check(futimens(fd, meta_.times), "utimens");
  }

  void Symlink() {
    ReadMeta(in_, meta_);
    std::string target = in_.name();
    Check(symlinkat(target.c_str(), Here(), name_.c_str()), "symlink");
    ApplyByName(false);
  }

  void Node(mode_t type, const char* syscall) {
    ReadMeta(in_, meta_);
    Check(mknodat(Here(), name_.c_str(), type | 0600, 0), syscall);
    ApplyByName(true);
  }

  // What cannot be opened without side effects is reached by name in the open directory. Before Linux 6.13 there
  // is no setxattrat(2); the magic link leads to the directory itself, and the last component is not followed.
  void ApplyByName(bool has_mode) {
    Check(fchownat(Here(), name_.c_str(), meta_.uid, meta_.gid, AT_SYMLINK_NOFOLLOW), "chown");
    // Follows links, but mknodat has just made this one.
    if (has_mode) Check(fchmodat(Here(), name_.c_str(), meta_.mode, 0), "chmod");
    std::string path;
    if (!meta_.xattrs.empty()) path = "/proc/self/fd/" + std::to_string(Here()) + "/" + name_;
    for (const auto& [name, value] : meta_.xattrs)
      Check(lsetxattr(path.c_str(), name.c_str(), value.first, value.second, 0), "setxattr");
    Check(utimensat(Here(), name_.c_str(), meta_.times, AT_SYMLINK_NOFOLLOW), "utimens");
  }

  // In a directory that only the layer has, overlayfs would list a whiteout, as a name that leads nowhere: there
  // is one when the login node has that directory and this node has not.
  void Whiteout() {
    if (!open_.empty() && !NodeMayHave(Path())) return;
    Check(mknodat(Here(), name_.c_str(), S_IFCHR, 0), "mknod");
  }

  // What another mount covers on the node is covered inside as well.
  bool NodeMayHave(const std::string& path) {
    Descriptor found(OpenBelow(node_.get(), path.c_str(), O_NOFOLLOW));
    return found.get() >= 0 || (errno != ENOENT && errno != ENOTDIR && errno != ELOOP && errno != EXDEV);
  }

  static int OpenBelow(int directory, const char* path, uint64_t flags) {
    struct open_how how = {};
    how.flags = O_PATH | O_CLOEXEC | flags;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
    return static_cast<int>(syscall(SYS_openat2, directory, path, &how, sizeof how));
  }

  void Link() {
    std::string first = in_.name();
    size_t slash = first.rfind('/');
    std::string directory = slash == std::string::npos ? "." : first.substr(0, slash);
    Descriptor from(OpenBelow(root_, directory.c_str(), O_DIRECTORY));
    Check(from.get(), "openat2");
    const char* base = first.c_str() + (slash == std::string::npos ? 0 : slash + 1);
    Check(linkat(from.get(), base, Here(), name_.c_str(), 0), "link");
  }

  int root_;
  int contents_;
  Reader& in_;
  Descriptor node_;
  std::vector<Open> open_;
  std::string name_;
  Meta meta_;
};

Napi::Value WriteNames(const Napi::CallbackInfo& info) {
  std::string path = PathArgument(info, 0, "writeNames");
  auto program = info[1].As<Napi::Buffer<uint8_t>>();
  std::string contents_path = info[2].IsBuffer() ? PathArgument(info, 2, "writeNames") : "";
  auto kept = std::make_shared<Napi::Reference<Napi::Buffer<uint8_t>>>(Napi::Persistent(program));
  const uint8_t* data = program.Data();
  size_t size = program.Length();
  return RunWork(info.Env(), "tees.writeNames", [kept, path, contents_path, data, size] {
    constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    Descriptor root(open(path.c_str(), kDirectory));
    if (root.get() < 0) throw Failure{errno, "open", path};
    Descriptor contents(contents_path.empty() ? -1 : open(contents_path.c_str(), kDirectory));
    if (contents.get() < 0 && !contents_path.empty()) throw Failure{errno, "open", contents_path};
    Reader in(data, size);
    TreeWriter writer(root.get(), contents.get(), in);
    try {
      writer.Run();
    } catch (const Failure& failure) {
      throw Failure{failure.err, failure.syscall, failure.path.empty() ? writer.Path() : failure.path};
    }
  });
}

}  // namespace

void InitNames(Napi::Env env, Napi::Object exports) {
  exports.Set("writeNames", Napi::Function::New(env, WriteNames, "writeNames"));
}

}  // namespace tees
