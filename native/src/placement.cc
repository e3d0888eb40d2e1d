// What it takes to let a tree that was written under another name appear at once: renameat2(2), syncfs(2), and the
// removal of an attribute that a directory has inherited.
#include <fcntl.h>
#include <stdio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "work.h"

namespace tees {

static Napi::Value RenameTo(const Napi::CallbackInfo& info) {
  std::string from = PathArgument(info, 0, "renameat2");
  std::string to = PathArgument(info, 1, "renameat2");
  unsigned flags = info[2].As<Napi::Number>().Uint32Value();
  return RunWork(info.Env(), "tees.renameTo", [from, to, flags] {
    if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags) < 0) throw Failure{errno, "renameat2", to};
  });
}

static Napi::Value SyncFileSystem(const Napi::CallbackInfo& info) {
  std::string path = PathArgument(info, 0, "syncfs");
  return RunWork(info.Env(), "tees.syncFileSystem", [path] {
    Descriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (fd.get() < 0) throw Failure{errno, "open", path};
    if (syncfs(fd.get()) < 0) throw Failure{errno, "syncfs", path};
  });
}

// Of what is not there, or cannot be there, nothing is to be removed.
static Napi::Value RemoveXattr(const Napi::CallbackInfo& info) {
  std::string path = PathArgument(info, 0, "lremovexattr");
  std::string name = PathArgument(info, 1, "lremovexattr");
  if (lremovexattr(path.c_str(), name.c_str()) < 0 && errno != ENODATA && errno != EOPNOTSUPP)
    throw SystemError(info.Env(), errno, "lremovexattr", path);
  return info.Env().Undefined();
}

void InitPlacement(Napi::Env env, Napi::Object exports) {
  exports.Set("renameTo", Napi::Function::New(env, RenameTo, "renameTo"));
  exports.Set("syncFileSystem", Napi::Function::New(env, SyncFileSystem, "syncFileSystem"));
  exports.Set("removeXattr", Napi::Function::New(env, RemoveXattr, "removeXattr"));
}

}  // namespace tees
