// An event store in a directory of its own.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>

#include "base/fd.h"
#include "mta/queue/trace/event_file.h"
#include "mta/queue/trace/reader.h"
#include "mta/queue/trace/ring.h"
#include "mta/queue/trace/writer.h"

namespace toast::queue::trace {

inline constexpr std::uint64_t kPlenty = std::uint64_t{256} * 1024 * 1024;

inline WallTime at(int seconds) { return WallTime{std::chrono::seconds{1'800'000'000 + seconds}}; }

inline Event arrival(std::uint64_t id, int seconds, const std::string& from,
                     std::vector<std::string> to, const std::string& message_id = {}) {
  Event event;
  event.time = at(seconds);
  event.id = MessageId(id);
  event.sender = from;
  event.recipient_count = static_cast<std::uint32_t>(to.size());
  event.recipients = std::move(to);
  event.bytes = 1234;
  event.message_id = message_id;
  event.peer = "192.0.2.7";
  event.text = "smtp";
  return event;
}

inline Event attempt(std::uint64_t id, int seconds, Kind kind, const std::string& to,
                     const std::string& text = "2.1.5 ok") {
  Event event;
  event.time = at(seconds);
  event.id = MessageId(id);
  event.kind = kind;
  event.recipients = {to};
  event.text = text;
  event.remote = "mx.remote.test [192.0.2.25]";
  return event;
}

inline Event finished(std::uint64_t id, int seconds) {
  Event event;
  event.time = at(seconds);
  event.id = MessageId(id);
  event.kind = Kind::finished;
  return event;
}

inline Event child_of(Event event, std::uint64_t parent) {
  event.parent = MessageId(parent);
  if (event.kind == Kind::accepted) event.kind = Kind::created;
  return event;
}

class StoreTest : public testing::Test {
 protected:
  StoreTest() {
    char name[] = "/tmp/toast-trace-test-XXXXXX";
    directory_ = std::string(::mkdtemp(name)) + "/trace";
  }
  ~StoreTest() override {
    std::filesystem::remove_all(std::filesystem::path(directory_).parent_path());
  }

  std::string path(std::uint64_t number) const { return directory_ + "/" + file_name(number); }
  std::vector<std::uint64_t> files() const { return *list_files(directory_); }
  void keep(const std::vector<Event>& events, std::uint64_t capacity = kPlenty) {
    Ring ring(real_folder(directory_));
    std::string frames;
    for (const Event& event : events) frames += frame(event);
    const Result<void> written = ring.write(frames, capacity);
    EXPECT_TRUE(written) << written.error().detail;
  }
  // Everything that can be read.
  std::vector<Event> all() const {
    std::vector<Event> events;
    for (const std::uint64_t number : files()) {
      EventFile file(*open_file(path(number), 0));
      while (std::optional<Event> event = file.next()) events.push_back(std::move(*event));
    }
    return events;
  }
  void flip_byte(std::uint64_t number, std::uint64_t offset) {
    std::fstream file(path(number), std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(offset));
    const char old = static_cast<char>(file.get());
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(static_cast<char>(old ^ 1));
  }
  Answer ask(const std::string& text) const { return ask(Query{{}, text, {}, 100}); }
  Answer ask(const Query& query) const { return *search(directory_, query); }

  std::string directory_;
};

}  // namespace toast::queue::trace
