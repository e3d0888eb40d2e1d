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

// What a connection may have in the kernel. tcp(7), TCP_NOTSENT_LOWAT: it takes no more while this many bytes have not
// been sent. socket(7), SO_RCVBUF: the other end sends no more while about this many have not been read; the kernel does
// not make it larger then, as it does after TCP_WINDOW_CLAMP (tcp_rcvbuf_grow). With CAP_NET_ADMIN net.core.rmem_max,
// often 208 KiB, does not count.
static Napi::Value LimitQueues(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int fd = info[0].As<Napi::Number>().Int32Value();
  int unsent = info[1].As<Napi::Number>().Int32Value();
  int unread = info[2].As<Napi::Number>().Int32Value();
  if (setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent) < 0 ||
      (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &unread, sizeof unread) < 0 &&
       setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &unread, sizeof unread) < 0))
    throw SystemError(env, errno, "setsockopt", "");
  return env.Undefined();
}

void InitDescriptors(Napi::Env env, Napi::Object exports) {
  exports.Set("setCloseOnExec", Napi::Function::New(env, SetCloseOnExec, "setCloseOnExec"));
  exports.Set("limitQueues", Napi::Function::New(env, LimitQueues, "limitQueues"));
}

}  // namespace tees
