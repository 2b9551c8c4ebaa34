// Reads a directory with getdents64 and a large buffer: one system call for some thousand names, no
// allocation and no stat per name.
//
// A large directory may be read in two halves by two threads at a time. ext4 hands names out in the
// order of their hashes (63 bits) and takes any hash as a position, so the halves part at the
// middle hash: together they hold every name once, whatever the directory holds. No other file
// system promises that a position means anything but "where I was".
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

enum class DirectoryPart : unsigned char { whole, first_half, second_half };

// Are there halves? Moves the position of `directory`.
bool has_halves(int directory);

class DirectoryReader {
 public:
  // Lends `directory`; starts at the beginning of the part. Nobody else may read through the same
  // descriptor: each half needs an open() of its own. Halves only where has_halves().
  explicit DirectoryReader(int directory, DirectoryPart part = DirectoryPart::whole);
  // False at the end or after an error; error() tells.
  bool next(DirectoryEntry& entry);
  int error() const { return error_; }  // errno, 0 if none

 private:
  int directory_;
  DirectoryPart part_;
  bool ended_ = false;  // the half is over, the directory is not
  int error_ = 0;
  std::unique_ptr<char[]> buffer_;
  std::size_t size_ = 0;
  std::size_t at_ = 0;
};

}  // namespace toast::maildir
