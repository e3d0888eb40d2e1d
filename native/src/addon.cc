#include "addon.h"

#include <cstring>

namespace tees {

Napi::Error SystemError(Napi::Env env, int err, const char* syscall, const std::string& path) {
  const char* name = strerrorname_np(err);
  std::string code = name ? name : "EUNKNOWN";
  std::string message = code + ": " + strerror(err) + ", " + syscall;
  if (!path.empty()) message += " '" + path + "'";
  Napi::Error error = Napi::Error::New(env, message);
  error.Set("code", Napi::String::New(env, code));
  error.Set("errno", Napi::Number::New(env, -err));
  error.Set("syscall", Napi::String::New(env, syscall));
  if (!path.empty()) error.Set("path", Napi::String::New(env, path));
  return error;
}

static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  InitCredentials(env, exports);
  InitDescriptors(env, exports);
  InitFiles(env, exports);
  InitLabels(env, exports);
  InitMunge(env, exports);
  InitNames(env, exports);
  InitPlacement(env, exports);
  return exports;
}

}  // namespace tees

static Napi::Object InitModule(Napi::Env env, Napi::Object exports) { return tees::Init(env, exports); }
NODE_API_MODULE(tees, InitModule)
