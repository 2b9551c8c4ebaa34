// The system calls by which the queue of another server is read. Tests fail them one by one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"

namespace toast::takeover {

class Files {
 public:
  struct Entry {
    std::string name;
    bool is_folder = false;
  };
  struct Status {
    std::int64_t modified = 0;  // Unix time
    std::uint64_t size_bytes = 0;
  };
  Files() = default;
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;
  virtual ~Files() = default;

  // Permanent: there is no such folder.
  [[nodiscard]] virtual Result<std::vector<Entry>> list(const std::string& path);
  [[nodiscard]] virtual Result<Fd> open(const std::string& path);
  // None: there is no such file.
  [[nodiscard]] virtual Result<std::optional<Fd>> open_if_there(const std::string& path);
  [[nodiscard]] virtual Result<Status> status(const Fd& file, const std::string& path);
  [[nodiscard]] virtual Result<std::string> read(const Fd& file, std::size_t max_bytes,
                                                 const std::string& path);
  // The first `bytes`, or fewer if it has no more; its position stays.
  [[nodiscard]] virtual Result<std::string> read_front(const Fd& file, std::size_t bytes,
                                                       const std::string& path);
};

}  // namespace toast::takeover
