// Credentials of munged, by libmunge where it is installed (munge(3)). It is asked on a worker thread.
#include <dlfcn.h>
#include <sys/types.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "work.h"

namespace tees {
namespace {

// As in munge.h, whose package is needed to build only: the library is looked for when it is first used.
typedef struct munge_ctx* Context;
constexpr int kTtl = 4, kSocket = 8, kUidRestriction = 9;
constexpr int kSuccess = 0, kNoLibrary = -1;

struct Library {
  int (*encode)(char**, Context, const void*, int) = nullptr;
  int (*decode)(const char*, Context, void**, int*, uid_t*, gid_t*) = nullptr;
  Context (*create)() = nullptr;
  void (*destroy)(Context) = nullptr;
  int (*set)(Context, int, ...) = nullptr;
  const char* (*error)(int) = nullptr;
  std::string missing;

  template <typename Function>
  void Find(void* handle, Function& function, const char* name) {
    function = reinterpret_cast<Function>(dlsym(handle, name));
    if (!function) missing = name;
  }

  Library() {
    void* handle = dlopen("libmunge.so.2", RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
      missing = dlerror();
      return;
    }
    Find(handle, encode, "munge_encode");
    Find(handle, decode, "munge_decode");
    Find(handle, create, "munge_ctx_create");
    Find(handle, destroy, "munge_ctx_destroy");
    Find(handle, set, "munge_ctx_set");
    Find(handle, error, "munge_strerror");
  }
};

const Library& TheLibrary() {
  static const Library library;
  return library;
}

struct Answer {
  int status = kNoLibrary;
  std::string reason;
  std::string text;  // the credential, or what one says
  uid_t uid = static_cast<uid_t>(-1);
};

class Munge : public Napi::AsyncWorker {
 public:
  Munge(Napi::Env env, std::string socket, std::string text)
      : Napi::AsyncWorker(env, "tees:munge"),
        deferred_(Napi::Promise::Deferred::New(env)),
        socket_(std::move(socket)),
        text_(std::move(text)) {}

  Napi::Promise Promise() const { return deferred_.Promise(); }

  void Execute() override {
    const Library& library = TheLibrary();
    if (!library.missing.empty()) {
      answer_.reason = library.missing;
      return;
    }
    Context context = library.create();
    if (!context) {
      answer_.reason = "out of memory";
      return;
    }
    if (socket_.empty() || library.set(context, kSocket, socket_.c_str()) == kSuccess) Ask(library, context);
    else answer_.reason = "the socket cannot be used";
    library.destroy(context);
    if (answer_.status >= kSuccess) answer_.reason = library.error(answer_.status);
  }

  void OnOK() override {
    Napi::Object answer = Napi::Object::New(Env());
    answer.Set("status", Napi::Number::New(Env(), answer_.status));
    answer.Set("reason", Napi::String::New(Env(), answer_.reason));
    answer.Set("bytes", Napi::Buffer<char>::Copy(Env(), answer_.text.data(), answer_.text.size()));
    answer.Set("uid", Napi::Number::New(Env(), answer_.uid));
    deferred_.Resolve(answer);
  }

 protected:
  virtual void Ask(const Library& library, Context context) = 0;
  const std::string& Text() const { return text_; }
  Answer answer_;

 private:
  Napi::Promise::Deferred deferred_;
  std::string socket_, text_;
};

class Encode : public Munge {
 public:
  Encode(Napi::Env env, std::string socket, std::string text, uid_t restriction, int ttl)
      : Munge(env, std::move(socket), std::move(text)), restriction_(restriction), ttl_(ttl) {}

 protected:
  void Ask(const Library& library, Context context) override {
    char* credential = nullptr;
    library.set(context, kUidRestriction, restriction_);
    library.set(context, kTtl, ttl_);
    answer_.status = library.encode(&credential, context, Text().data(), static_cast<int>(Text().size()));
    if (credential) answer_.text = credential;
    free(credential);
  }

 private:
  uid_t restriction_;
  int ttl_;
};

class Decode : public Munge {
 public:
  using Munge::Munge;

 protected:
  void Ask(const Library& library, Context context) override {
    void* said = nullptr;
    int length = 0;
    gid_t gid;
    answer_.status = library.decode(Text().c_str(), context, &said, &length, &answer_.uid, &gid);
    if (said && length > 0) answer_.text.assign(static_cast<char*>(said), static_cast<size_t>(length));
    free(said);
  }
};

Napi::Value Queue(Munge* worker) {
  Napi::Promise promise = worker->Promise();
  worker->Queue();  // deletes itself
  return promise;
}

Napi::Value MungeEncode(const Napi::CallbackInfo& info) {
  return Queue(new Encode(info.Env(), PathArgument(info, 0, "the socket"), PathArgument(info, 1, "what is said"),
                          info[2].As<Napi::Number>().Uint32Value(), info[3].As<Napi::Number>().Int32Value()));
}

Napi::Value MungeDecode(const Napi::CallbackInfo& info) {
  return Queue(new Decode(info.Env(), PathArgument(info, 0, "the socket"), PathArgument(info, 1, "the credential")));
}

}  // namespace

void InitMunge(Napi::Env env, Napi::Object exports) {
  exports.Set("mungeEncode", Napi::Function::New(env, MungeEncode));
  exports.Set("mungeDecode", Napi::Function::New(env, MungeDecode));
}

}  // namespace tees
