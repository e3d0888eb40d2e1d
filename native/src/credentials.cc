// Who is at the other end of a Unix socket: the kernel's word, never a claim (socket(7), SO_PEERCRED and
// SO_PEERGROUPS).
#include <sys/socket.h>

#include <cerrno>
#include <vector>

#include "addon.h"

namespace tees {

static Napi::Value PeerCredentials(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int fd = info[0].As<Napi::Number>().Int32Value();
  struct ucred who;
  socklen_t size = sizeof who;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0) throw SystemError(env, errno, "getsockopt", "");
  std::vector<gid_t> groups(64);
  socklen_t groups_size = groups.size() * sizeof(gid_t);
  while (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &groups_size) < 0) {
    if (errno != ERANGE) throw SystemError(env, errno, "getsockopt", "");
    groups.resize(groups_size / sizeof(gid_t));
  }
  groups.resize(groups_size / sizeof(gid_t));
  Napi::Array list = Napi::Array::New(env, groups.size());
  for (size_t i = 0; i < groups.size(); i++) list.Set(i, Napi::Number::New(env, groups[i]));
  Napi::Object result = Napi::Object::New(env);
  result.Set("pid", Napi::Number::New(env, who.pid));
  result.Set("uid", Napi::Number::New(env, who.uid));
  result.Set("gid", Napi::Number::New(env, who.gid));
  result.Set("groups", list);
  return result;
}

void InitCredentials(Napi::Env env, Napi::Object exports) {
  exports.Set("peerCredentials", Napi::Function::New(env, PeerCredentials, "peerCredentials"));
}

}  // namespace tees
