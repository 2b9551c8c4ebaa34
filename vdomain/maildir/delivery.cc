#include "vdomain/maildir/delivery.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "vdomain/maildir/directory_reader.h"
#include "vdomain/maildir/trace_fields.h"

namespace toast::maildir {
namespace {

constexpr std::size_t kCopyBytes = 256 * 1024;  // one piece of a large message
constexpr unsigned kMaxNames = 8;  // taken names stepped over; each costs a foreign hand a forgery

Error failure(std::string_view doing, const Delivery& d, int error) {
  Error e = system_error(doing, d.job.maildir.str() + "/" + d.name, error).value();
  if (error == ENOSPC || error == EDQUOT) e.reply = "4.3.1 mail system full";
  return e;
}

// The part of the name that says which delivery it is: without the sizes.
std::string_view delivery_of(std::string_view name) { return name.substr(0, name.find(',')); }

// Reads `size` bytes of `file` from `offset` in pieces, to `each(piece) -> bool`; false stops.
template <class Each>
int read_pieces(const Fd& file, std::uint64_t offset, std::uint64_t size, Each each) {
  std::string buffer(std::min<std::uint64_t>(size, kCopyBytes), '\0');
  while (size > 0) {
    const std::size_t want = std::min<std::uint64_t>(size, buffer.size());
    const ssize_t n = ::pread(file.get(), buffer.data(), want, static_cast<off_t>(offset));
    if (n < 0) {
      if (errno == EINTR) continue;
      return -errno;
    }
    if (n == 0) return -EIO;  // shorter than it says
    if (!each(std::string_view(buffer.data(), static_cast<std::size_t>(n)))) return 0;
    offset += static_cast<std::uint64_t>(n);
    size -= static_cast<std::uint64_t>(n);
  }
  return 0;
}

// `file`, from `offset` on, holds exactly `expected`.
bool holds(const Fd& file, std::uint64_t offset, std::string_view expected) {
  bool same = true;
  const int read = read_pieces(file, offset, expected.size(), [&](std::string_view piece) {
    same = expected.starts_with(piece);
    expected.remove_prefix(piece.size());
    return same;
  });
  return read == 0 && same;
}

QuotaHolder holder_of(const Delivery& d) { return {d.job.mailbox, d.job.maildir, d.job.quota}; }

}  // namespace

Deliverer::Deliverer(MailStore& store, MessageNamer namer, QuotaGate& quota, const Clock& clock)
    : store_(store),
      files_(store.files()),
      namer_(std::move(namer)),
      quota_(quota),
      clock_(clock),
      memory_(clock.wall()) {}

void Deliverer::set_namer(MessageNamer namer) {
  const std::lock_guard lock(namer_mutex_);
  namer_ = std::move(namer);
}

MessageNamer Deliverer::namer() const {
  const std::lock_guard lock(namer_mutex_);
  return namer_;
}

void Deliverer::deliver(std::span<std::unique_ptr<Delivery>> batch) {
  const auto each_good = [&](auto step) {
    for (const std::unique_ptr<Delivery>& d : batch)
      if (!d->failed && !d->result.already_there) step(*d);
  };
  each_good([&](Delivery& d) { check(d); });
  each_good([&](Delivery& d) { write(d, batch.size() > 1); });
  each_good([&](Delivery& d) { sync_file(d); });
  each_good([&](Delivery& d) { publish(d); });
  sync_directories(batch);
  for (std::unique_ptr<Delivery>& d : batch) finish(std::move(d));
}

// ---- 1 check

void Deliverer::check(Delivery& d) {
  Result<void> measured = measure(d);
  if (!measured) {
    d.failed = std::move(measured.error());
    return;
  }
  d.namer = namer();
  d.name = d.namer->name(d.job.key, d.size, d.again);
  std::optional<DeliveryMemory::Claim> claimed = memory_.claim(delivery_of(d.name));
  if (!claimed) {
    d.failed = transient("delivery " + d.name + " is in hand already").value();
    return;
  }
  d.claim.emplace(std::move(*claimed));
  Result<std::shared_ptr<const OpenMaildir>> opened = store_.open_or_create(d.job.maildir);
  if (!opened) {
    d.failed = std::move(opened.error());
    return;
  }
  d.maildir = std::move(*opened);
  d.to_sync = d.maildir->new_mail.get();
  if (memory_.may_have_happened(*d.claim, d.job.key.arrival_seconds, clock_.wall())) find_moved(d);
  if (d.failed || d.result.already_there) return;
  Result<QuotaGate::Reservation> room = quota_.reserve(d.maildir->top, holder_of(d), d.size.disk);
  if (!room) {
    d.failed = std::move(room.error());
    return;
  }
  d.reservation = std::move(*room);
}

// Sizes, and the loop check, in one reading of the message.
Result<void> Deliverer::measure(Delivery& d) {
  DeliveryJob& job = d.job;
  d.fields = trace_fields(job.reverse_path, job.recipient);
  SizeCounter counter;
  counter.add(d.fields);
  std::string_view header = job.body;
  std::string start_of_blob;
  if (job.blob) {
    const int read = read_pieces(job.blob, 0, job.blob_bytes, [&](std::string_view piece) {
      if (start_of_blob.empty()) start_of_blob = piece;  // kCopyBytes of it, or all
      counter.add(piece);
      return true;
    });
    if (read < 0) return system_error("read", "message body", -read);
    header = start_of_blob;
  } else {
    counter.add(job.body);
  }
  d.size = counter.size();
  if (d.size.disk > kMaxNamedBytes || d.size.wire > kMaxNamedBytes)
    return permanent("message of " + std::to_string(d.size.wire) + " bytes", "5.3.4 too large");
  if (was_delivered_to(header.substr(0, kMaxHeaderScan), job.recipient))
    return permanent(
        "loop: Delivered-To " + job.recipient.str() + " is in the header already",
        "5.4.6 mail is looping: it has been delivered to " + job.recipient.str() + " before");
  return {};
}

// A reader may have moved the message to cur/ before we, or our predecessor, could report it. Names
// there have flags behind them, so the directory must be searched; it is not when it has not
// changed since the message arrived.
void Deliverer::find_moved(Delivery& d) {
  const int fd = open_beneath(d.maildir->top.get(), "cur", O_RDONLY | O_DIRECTORY);
  if (fd < 0) {
    if (fd != -ENOENT) d.failed = failure("open cur/ for", d, -fd);
    return;
  }
  Fd cur(fd);
  struct stat status {};
  if (::fstat(fd, &status) == 0 &&
      status.st_mtim.tv_sec < d.job.key.arrival_seconds - kClockSlack.count())
    return;
  DirectoryReader reader(fd);
  DirectoryEntry entry;
  const std::string_view ours = delivery_of(d.name);
  while (reader.next(entry)) {
    if (!entry.name.starts_with(ours) || !entry.name.substr(ours.size()).starts_with(',')) continue;
    const std::string found(entry.name);
    Result<bool> same = adopt(d, fd, found);
    if (!same) {
      d.failed = std::move(same.error());
      return;
    }
    if (!*same) continue;
    d.to_sync = fd;
    d.found_in = std::move(cur);
    return;
  }
  if (reader.error() != 0) d.failed = failure("search cur/ for", d, reader.error());
}

// Is `name` in `directory` this delivery, whole? Then it has happened.
Result<bool> Deliverer::adopt(Delivery& d, int directory, const std::string& name) {
  const int fd = open_beneath(directory, name.c_str(), O_RDONLY | O_NONBLOCK);
  if (fd == -ENOENT || fd == -ELOOP || fd == -ENXIO) return false;
  if (fd < 0) return system_error("open", name, -fd);
  const Fd file(fd);
  struct stat status {};
  if (::fstat(fd, &status) != 0) return system_error("stat", name);
  if (!S_ISREG(status.st_mode) || static_cast<std::uint64_t>(status.st_size) != d.size.disk)
    return false;
  if (!holds(file, 0, d.fields)) return false;
  std::uint64_t offset = d.fields.size();
  bool same = true;
  if (d.job.blob) {
    const int read = read_pieces(d.job.blob, 0, d.job.blob_bytes, [&](std::string_view piece) {
      same = holds(file, offset, piece);
      offset += piece.size();
      return same;
    });
    if (read < 0) return system_error("read", "message body", -read);
  } else {
    same = holds(file, offset, d.job.body);
  }
  if (!same) return false;
  // It was synced before it was renamed; again, in case another hand than ours put it there.
  const int synced = files_.sync_file(fd);
  if (synced < 0) return system_error("sync", name, -synced);
  d.result = {true, name};
  return true;
}

// ---- 2 write

void Deliverer::write(Delivery& d, bool more_follow) {
  const int tmp = d.maildir->tmp.get();
  int fd = files_.create_file(tmp, d.name.c_str());
  if (fd == -EEXIST) {
    // Left by a process that died here. Its content was perhaps never synced: made anew.
    const int removed = files_.remove_file(tmp, d.name.c_str());
    if (removed < 0 && removed != -ENOENT) {
      d.failed = failure("remove the remains of tmp/ in", d, -removed);
      return;
    }
    fd = files_.create_file(tmp, d.name.c_str());
  }
  if (fd < 0) {
    d.failed = failure("create in tmp/", d, -fd);
    return;
  }
  d.file = Fd(fd);
  Result<void> written = write_content(d);
  if (!written) {
    d.failed = std::move(written.error());
    abandon(d);
    return;
  }
  if (more_follow) files_.start_writeback(fd);  // so that the syncs of the batch overlap
}

Result<void> Deliverer::write_content(Delivery& d) {
  const auto put = [&](std::span<iovec> pieces) { return files_.write_all(d.file.get(), pieces); };
  std::array<iovec, 2> pieces{iovec{d.fields.data(), d.fields.size()},
                              iovec{d.job.body.data(), d.job.body.size()}};
  if (!d.job.blob) {
    const int written = put(pieces);
    if (written < 0) return tl::unexpected(failure("write to tmp/", d, -written));
    return {};
  }
  SizeCounter counter;
  counter.add(d.fields);
  int written = put(std::span(pieces).first(1));
  const int read = read_pieces(d.job.blob, 0, d.job.blob_bytes, [&](std::string_view piece) {
    counter.add(piece);
    iovec one{const_cast<char*>(piece.data()), piece.size()};
    if (written == 0) written = put({&one, 1});
    return written == 0;
  });
  if (written < 0) return tl::unexpected(failure("write to tmp/", d, -written));
  if (read < 0) return system_error("read", "message body", -read);
  if (counter.size() != d.size) return transient("the body of " + d.name + " changed meanwhile");
  return {};
}

// ---- 3 fsync

void Deliverer::sync_file(Delivery& d) {
  const int synced = files_.sync_file(d.file.get());
  d.file.reset();
  if (synced == 0) return;
  d.failed = failure("sync in tmp/", d, -synced);
  abandon(d);
}

// ---- 4 rename

void Deliverer::publish(Delivery& d) {
  memory_.remember(*d.claim, clock_.wall());
  const int published =
      files_.publish(d.maildir->tmp.get(), d.maildir->new_mail.get(), d.name.c_str());
  if (published == 0) {
    d.result = {false, d.name};
    return;
  }
  if (published != -EEXIST) {
    d.failed = failure("rename into new/", d, -published);
    abandon(d);
    return;
  }
  Result<bool> same = adopt(d, d.maildir->new_mail.get(), d.name);
  abandon(d);
  if (!same) {
    d.failed = std::move(same.error());
  } else if (!*same) {
    // Our name, other content: not our doing. The message gets the next name of its own.
    if (++d.again == kMaxNames) {
      d.failed = transient("every name for " + d.name + " is taken by other content").value();
      return;
    }
    d.name = d.namer->name(d.job.key, d.size, d.again);
    write(d, false);
    if (!d.failed) sync_file(d);
    if (!d.failed) publish(d);
  }
}

// ---- 5 fsync of the directories

void Deliverer::sync_directories(std::span<std::unique_ptr<Delivery>> batch) {
  std::vector<std::pair<int, int>> synced;  // directory, result
  for (const std::unique_ptr<Delivery>& d : batch) {
    if (d->failed) continue;
    auto found = std::find_if(synced.begin(), synced.end(),
                              [&](const auto& s) { return s.first == d->to_sync; });
    if (found == synced.end())
      found = synced.insert(found, {d->to_sync, files_.sync_directory(d->to_sync)});
    // Published, but perhaps not for good: the next attempt finds it and syncs again.
    if (found->second < 0) d->failed = failure("sync new/ for", *d, -found->second);
  }
}

// ---- 6 ledger, 7 report

void Deliverer::finish(std::unique_ptr<Delivery> delivery) {
  Delivery& d = *delivery;
  if (!d.failed) {
    if (d.result.already_there)
      quota_.count_anew(d.maildir->top, holder_of(d));
    else
      quota_.published(d.maildir->top, holder_of(d), d.reservation);
  }
  d.reservation = {};
  d.claim.reset();
  auto report = std::move(d.report);
  if (report) report(std::move(delivery));
}

void Deliverer::abandon(Delivery& d) {
  d.file.reset();
  files_.remove_file(d.maildir->tmp.get(), d.name.c_str());
}

}  // namespace toast::maildir
