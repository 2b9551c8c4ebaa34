// Reads a directory with getdents64 and a large buffer: one system call for some thousand names, no
// allocation and no stat per name.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace toast::maildir {

enum class EntryType : unsigned char { regular, directory, other, unknown };

struct DirectoryEntry {
  std::string_view name;  // valid until the next call
  EntryType type = EntryType::unknown;
};

class DirectoryReader {
 public:
  // Lends `directory`; starts at its beginning. Nobody else may read through the same descriptor.
  explicit DirectoryReader(int directory);
  // False at the end or after an error; error() tells.
  bool next(DirectoryEntry& entry);
  int error() const { return error_; }  // errno, 0 if none

 private:
  int directory_;
  int error_ = 0;
  std::unique_ptr<char[]> buffer_;
  std::size_t size_ = 0;
  std::size_t at_ = 0;
};

}  // namespace toast::maildir
