// Open files that a library has opened for us: what Node has no call for.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

#include "addon.h"

namespace tees {

// fcntl(2), FD_CLOEXEC: the descriptor is not inherited by the programs this process starts.
static Napi::Value SetCloseOnExec(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int fd = info[0].As<Napi::Number>().Int32Value();
  int flags = fcntl(fd, F_GETFD);
  if (flags < 0 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC) < 0) throw SystemError(env, errno, "fcntl", "");
  return env.Undefined();
}

// tcp(7), TCP_NOTSENT_LOWAT: the kernel takes no more while this many bytes have not been sent.
static Napi::Value LimitUnsent(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int fd = info[0].As<Napi::Number>().Int32Value();
  int bytes = info[1].As<Napi::Number>().Int32Value();
  if (setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes) < 0)
    throw SystemError(env, errno, "setsockopt", "");
  return env.Undefined();
}

void InitDescriptors(Napi::Env env, Napi::Object exports) {
  exports.Set("setCloseOnExec", Napi::Function::New(env, SetCloseOnExec, "setCloseOnExec"));
  exports.Set("limitUnsent", Napi::Function::New(env, LimitUnsent, "limitUnsent"));
}

}  // namespace tees
