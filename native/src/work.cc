#include "work.h"

#include <cerrno>
#include <cstring>

namespace tees {
namespace {

class Worker : public Napi::AsyncWorker {
 public:
  Worker(Napi::Env env, const char* name, std::function<void()> work)
      : Napi::AsyncWorker(env, name), deferred_(Napi::Promise::Deferred::New(env)), work_(std::move(work)) {}

  Napi::Promise Promise() const { return deferred_.Promise(); }

  // On a worker thread: no N-API here.
  void Execute() override {
    try {
      work_();
    } catch (const Failure& failure) {
      failure_ = failure;
      SetError(failure.syscall);
    }
  }

  void OnOK() override { deferred_.Resolve(Env().Undefined()); }

  void OnError(const Napi::Error&) override {
    Napi::Error error = SystemError(Env(), failure_.err, failure_.syscall, failure_.path);
    napi_value path;
    if (napi_create_string_latin1(Env(), failure_.path.data(), failure_.path.size(), &path) == napi_ok)
      error.Set("path", path);
    deferred_.Reject(error.Value());
  }

 private:
  Napi::Promise::Deferred deferred_;
  std::function<void()> work_;
  Failure failure_{};
};

}  // namespace

Napi::Promise RunWork(Napi::Env env, const char* name, std::function<void()> work) {
  auto* worker = new Worker(env, name, std::move(work));
  Napi::Promise promise = worker->Promise();
  worker->Queue();  // deletes itself
  return promise;
}

std::string PathArgument(const Napi::CallbackInfo& info, size_t index, const char* what) {
  if (index >= info.Length() || !info[index].IsBuffer())
    throw Napi::TypeError::New(info.Env(), std::string(what) + " must be a Buffer");
  auto buffer = info[index].As<Napi::Buffer<char>>();
  if (buffer.Length() > 0 && memchr(buffer.Data(), 0, buffer.Length()))
    throw SystemError(info.Env(), EINVAL, what, "");
  return std::string(buffer.Data(), buffer.Length());
}

}  // namespace tees
