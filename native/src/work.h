// Work on a libuv worker thread, for functions that return a promise; what it takes to fail and to hold descriptors there.
#pragma once
#include <unistd.h>

#include <functional>
#include <string>
#include <utility>

#include "addon.h"

namespace tees {

// A system call that failed on a worker thread, where there is no N-API: `err` is a positive errno.
struct Failure {
  int err;
  const char* syscall;
  std::string path;
};

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

// Queues `work`. The promise is rejected with what it throws, the path in `path`, one character a byte.
Napi::Promise RunWork(Napi::Env env, const char* name, std::function<void()> work);

// The bytes of argument `index` as a C string. Throws when it is no Buffer or holds a NUL, which would cut it silently.
std::string PathArgument(const Napi::CallbackInfo& info, size_t index, const char* what);

}  // namespace tees
