// Who is at the other end of a Unix socket: the kernel's word, never a claim (socket(7), SO_PEERCRED and
// SO_PEERGROUPS); and looking at files as that user does, so that the kernel judges what they may see.
#include <grp.h>
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
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

// The calling thread's credentials for file access become a user's, without capabilities, until the end of the scope.
// Raw system calls: glibc's would change every thread (nptl(7)). Node does its asynchronous file access on other
// threads, so only synchronous calls inside the scope are made as the user.
class AsUser {
 public:
  AsUser(uid_t uid, gid_t gid, const std::vector<gid_t>& groups) {
    int count = syscall(SYS_getgroups, 0, nullptr);
    if (count < 0) return;
    groups_.resize(count);
    if (syscall(SYS_getgroups, count, groups_.data()) != count) return;
    if (syscall(SYS_capget, &header_, capabilities_) < 0) return;
    if (syscall(SYS_setgroups, groups.size(), groups.data()) < 0) return;
    changed_ = true;
    gid_ = syscall(SYS_setfsgid, gid);
    uid_ = syscall(SYS_setfsuid, uid);
    // They do not fail, they tell: asked again with what is no id, each says what it is now.
    bool taken = static_cast<gid_t>(syscall(SYS_setfsgid, -1)) == gid &&
                 static_cast<uid_t>(syscall(SYS_setfsuid, -1)) == uid;
    struct __user_cap_data_struct none[2];
    for (int i = 0; i < 2; i++) {
      none[i] = capabilities_[i];
      none[i].effective = 0;
    }
    if (!taken) errno = EPERM;
    ready_ = taken && syscall(SYS_capset, &header_, none) == 0;
  }

  // A daemon that cannot be itself again must not go on as somebody else.
  ~AsUser() {
    if (!changed_) return;
    if (syscall(SYS_capset, &header_, capabilities_) < 0) abort();
    syscall(SYS_setfsuid, uid_);
    syscall(SYS_setfsgid, gid_);
    if (syscall(SYS_setgroups, groups_.size(), groups_.data()) < 0) abort();
    if (syscall(SYS_capset, &header_, capabilities_) < 0) abort();
    if (static_cast<uid_t>(syscall(SYS_setfsuid, -1)) != uid_) abort();
  }

  AsUser(const AsUser&) = delete;
  AsUser& operator=(const AsUser&) = delete;

  // Otherwise errno says why not.
  bool ready() const { return ready_; }

 private:
  struct __user_cap_header_struct header_ = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct capabilities_[2] = {};
  std::vector<gid_t> groups_;
  uid_t uid_ = 0;
  gid_t gid_ = 0;
  bool changed_ = false;
  bool ready_ = false;
};

static Napi::Value ActAs(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Napi::Array list = info[2].As<Napi::Array>();
  std::vector<gid_t> groups(list.Length());
  for (size_t i = 0; i < groups.size(); i++)
    groups[i] = list.Get(static_cast<uint32_t>(i)).As<Napi::Number>().Uint32Value();
  AsUser user(info[0].As<Napi::Number>().Uint32Value(), info[1].As<Napi::Number>().Uint32Value(), groups);
  if (!user.ready()) throw SystemError(env, errno, "setfsuid", "");
  return info[3].As<Napi::Function>().Call({});
}

void InitCredentials(Napi::Env env, Napi::Object exports) {
  exports.Set("actAs", Napi::Function::New(env, ActAs, "actAs"));
  exports.Set("peerCredentials", Napi::Function::New(env, PeerCredentials, "peerCredentials"));
}

}  // namespace tees
