// Each source file of the addon adds its functions to `exports`.
// A failing system call is thrown as an Error with code, errno and syscall, like Node's own.
#pragma once
#include <napi.h>

namespace tees {

void InitCredentials(Napi::Env env, Napi::Object exports);  // credentials.cc: peerCredentials, actAs
void InitDescriptors(Napi::Env env, Napi::Object exports);  // descriptors.cc: setCloseOnExec, limitQueues, takeDescriptors
void InitFiles(Napi::Env env, Napi::Object exports);        // files.cc: xattrs, extents, unmount
void InitLabels(Napi::Env env, Napi::Object exports);       // labels.cc: fileLabel
void InitMunge(Napi::Env env, Napi::Object exports);        // munge.cc: mungeEncode, mungeDecode
void InitNames(Napi::Env env, Napi::Object exports);        // names.cc: writeNames
void InitPlacement(Napi::Env env, Napi::Object exports);    // placement.cc: renameTo, syncFileSystem, removeXattr

// An Error for `err` (a positive errno) of `syscall` on `path` ("" when there is none).
Napi::Error SystemError(Napi::Env env, int err, const char* syscall, const std::string& path);

}  // namespace tees
