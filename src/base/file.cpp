#include "terse/base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "terse/base/error.h"

namespace terse {
namespace {

namespace fs = std::filesystem;

// An open descriptor. The writer checks the result of closing; the destructor only prevents leaks.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int close() {
    const int result = ::close(fd_);
    fd_ = -1;
    return result;
  }

 private:
  int fd_;
};

void write_all(int fd, ConstBytes bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw std::system_error(errno, std::generic_category());
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void sync_directory(const fs::path& dir) {
  const Descriptor handle(::open(dir.empty() ? "." : dir.c_str(), O_RDONLY | O_DIRECTORY));
  if (handle.get() >= 0) ::fsync(handle.get());
}

}  // namespace

void write_atomic(const fs::path& path, ConstBytes bytes) {
  const fs::path beside = path.string() + fmt::format(".{}.part", ::getpid());
  try {
    Descriptor file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644));
    if (file.get() < 0) throw std::system_error(errno, std::generic_category());
    write_all(file.get(), bytes);
    if (::fsync(file.get()) != 0 || file.close() != 0)
      throw std::system_error(errno, std::generic_category());
    fs::rename(beside, path);
    sync_directory(path.parent_path());
  } catch (const std::system_error& error) {
    std::error_code ignored;
    fs::remove(beside, ignored);
    fail("cannot write {}: {}. No part of it was kept; free space or choose another folder.",
         path.string(), error.code().message());
  }
}

void write_atomic(const fs::path& path, std::string_view text) {
  write_atomic(path, std::as_bytes(std::span(text.data(), text.size())));
}

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) fail("cannot read {}: {}.", path.string(), std::strerror(errno));
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (file.bad()) fail("cannot read {}: {}.", path.string(), std::strerror(errno));
  return text;
}

std::vector<std::byte> read_bytes(const fs::path& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) fail("cannot read {}: {}.", path.string(), std::strerror(errno));
  const auto size = static_cast<std::size_t>(file.tellg());
  std::vector<std::byte> bytes(size);
  file.seekg(0);
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  if (static_cast<std::size_t>(file.gcount()) != size)
    fail("cannot read all of {}.", path.string());
  return bytes;
}

void check_writable(const fs::path& dir, std::size_t wanted_bytes) {
  std::error_code code;
  fs::create_directories(dir, code);
  if (code) fail("cannot create the folder {}: {}.", dir.string(), code.message());
  const fs::path probe = dir / fmt::format(".probe.{}", ::getpid());
  write_atomic(probe, std::string_view("terse"));
  fs::remove(probe, code);
  const fs::space_info space = fs::space(dir, code);
  if (!code && space.available < wanted_bytes) {
    fail("{} has {:.1f} MB free, and this run needs {:.1f} MB there.", dir.string(),
         space.available / 1e6, static_cast<double>(wanted_bytes) / 1e6);
  }
}

}  // namespace terse
