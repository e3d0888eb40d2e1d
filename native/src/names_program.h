// The program of the names layer as src/environment/names-program.ts writes it, and what reading it takes.
#pragma once
#include <sys/stat.h>
#include <time.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "work.h"

namespace tees::names {

constexpr uint32_t kNamesMagic = 0x314e4d54;
constexpr uint32_t kNoContent = 0xffffffff;

enum Operation : uint8_t { kEnter = 1, kLeave, kFile, kSymlink, kFifo, kSocket, kWhiteout, kLink, kPlace };

// Bounds are checked at each step; what it reads was validated by the encoder.
class Reader {
 public:
  Reader(const uint8_t* data, size_t size) : at_(data), end_(data + size) {}
  bool done() const { return at_ == end_; }

  template <typename T>
  T number() {
    T value;
    memcpy(&value, take(sizeof value), sizeof value);  // little-endian hosts only, as the encoder
    return value;
  }
  std::string name() {
    size_t size = number<uint16_t>();
    std::string text(reinterpret_cast<const char*>(take(size)), size);
    if (memchr(text.data(), 0, size)) throw Failure{EBADMSG, "names program", ""};
    return text;
  }
  std::pair<const uint8_t*, size_t> blob() {
    size_t size = number<uint32_t>();
    return {take(size), size};
  }

 private:
  const uint8_t* take(size_t size) {
    if (size > static_cast<size_t>(end_ - at_)) throw Failure{EBADMSG, "names program", ""};
    return std::exchange(at_, at_ + size);
  }
  const uint8_t* at_;
  const uint8_t* end_;
};

struct Meta {
  uint32_t uid, gid;
  mode_t mode;
  bool opaque;
  struct timespec times[2];  // access and modification alike
  std::vector<std::pair<std::string, std::pair<const uint8_t*, size_t>>> xattrs;
};

inline void ReadMeta(Reader& in, Meta& meta) {
  meta.uid = in.number<uint32_t>();
  meta.gid = in.number<uint32_t>();
  meta.mode = in.number<uint16_t>() & 07777;
  meta.opaque = in.number<uint8_t>() != 0;
  meta.times[1].tv_sec = in.number<int64_t>();
  meta.times[1].tv_nsec = in.number<uint32_t>();
  meta.times[0] = meta.times[1];
  meta.xattrs.clear();
  for (unsigned left = in.number<uint16_t>(); left > 0; left--) {
    std::string name = in.name();
    meta.xattrs.emplace_back(std::move(name), in.blob());
  }
}

}  // namespace tees::names
