// Open files that others have opened for us: what Node has no call for.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>

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

// socketpair(2): two ends of a stream, close-on-exec.
static Napi::Value SocketPair(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) throw SystemError(env, errno, "socketpair", "");
  Napi::Array pair = Napi::Array::New(env, 2);
  for (uint32_t i = 0; i < 2; i++) pair.Set(i, Napi::Number::New(env, ends[i]));
  return pair;
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

// A process by its number, for as long as this lives (pidfd_open(2)).
class Process {
 public:
  explicit Process(pid_t pid) : fd_(syscall(SYS_pidfd_open, pid, 0)) {}
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    if (fd_ >= 0) close(fd_);
  }
  bool lives() const { return fd_ >= 0 && syscall(SYS_pidfd_send_signal, fd_, 0, nullptr, 0) == 0; }
  int take(int number) const { return syscall(SYS_pidfd_getfd, fd_, number, 0); }

 private:
  int fd_;
};

// Its number may be another process's by now: who stands in another directory is not the one that is meant. That it
// lives afterwards says that the number was its own when the directory was looked at.
static bool StandsIn(const Process& process, pid_t pid, const std::string& directory) {
  struct stat wanted, found;
  std::string link = "/proc/" + std::to_string(pid) + "/cwd";
  if (stat(directory.c_str(), &wanted) < 0 || stat(link.c_str(), &found) < 0 || !process.lives()) return false;
  return wanted.st_dev == found.st_dev && wanted.st_ino == found.st_ino;
}

// pidfd_getfd(2): the same open files, close-on-exec.
static Napi::Value TakeDescriptors(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  pid_t pid = info[0].As<Napi::Number>().Int32Value();
  auto path = info[1].As<Napi::Buffer<char>>();
  std::string directory(path.Data(), path.Length());
  Napi::Array numbers = info[2].As<Napi::Array>();
  Process process(pid);
  if (!StandsIn(process, pid, directory)) throw SystemError(env, ESRCH, "pidfd_open", directory);
  Napi::Array taken = Napi::Array::New(env, numbers.Length());
  for (uint32_t i = 0; i < numbers.Length(); i++) {
    int fd = process.take(numbers.Get(i).As<Napi::Number>().Int32Value());
    if (fd < 0) {
      int error = errno;
      while (i-- > 0) close(taken.Get(i).As<Napi::Number>().Int32Value());
      throw SystemError(env, error, "pidfd_getfd", directory);
    }
    taken.Set(i, Napi::Number::New(env, fd));
  }
  return taken;
}

void InitDescriptors(Napi::Env env, Napi::Object exports) {
  exports.Set("socketPair", Napi::Function::New(env, SocketPair, "socketPair"));
  exports.Set("setCloseOnExec", Napi::Function::New(env, SetCloseOnExec, "setCloseOnExec"));
  exports.Set("takeDescriptors", Napi::Function::New(env, TakeDescriptors, "takeDescriptors"));
  exports.Set("limitQueues", Napi::Function::New(env, LimitQueues, "limitQueues"));
}

}  // namespace tees
