// Golden dialogues: a conversation between a client and one of our servers as a text file that a
// person can read. Generic: what a `given` or `then` line means is up to the protocol's Partner.
//
//   # why this dialogue exists
//   given  mailbox ann@example.org        the world before (or, further down, from here on)
//   C: EHLO client.example                the client sends this line and CRLF
//   C~ "a\x00b\n" * 1000                  the client sends raw bytes, as often as said
//   C.                                    the client closes its sending side
//   S: 250 2.1.0 ok                       the server's next line is exactly this
//   S* 250                                the server's next reply ends with a line that begins so
//   S.                                    the server closes, having said nothing more
//   wait   300s                           time passes (ms, s, m)
//   then   accepted 1                     something to check about the world afterwards
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace toast::dialogue {

enum class StepKind : unsigned char {
  given,
  then,
  client_sends,
  client_closes,
  server_line,
  server_reply,
  server_closes,
  wait,
};

struct Step {
  StepKind kind;
  std::string text;  // bytes to send, line or prefix to expect, words of given/then
  std::chrono::milliseconds time{0};  // wait
  int line_number = 0;
};

struct Script {
  std::string name;  // file name without folder and ending
  std::vector<Step> steps;
};

[[nodiscard]] Result<Script> parse_script(std::string_view text, std::string name);
// Every *.txt of a folder, sorted by name. An empty folder is an error: a test that cannot fail.
[[nodiscard]] Result<std::vector<Script>> load_scripts(const std::string& folder);

// "given mailbox ann@example.org" -> {"mailbox", "ann@example.org"}; a word in quotes may hold
// spaces and escapes.
[[nodiscard]] Result<std::vector<std::string>> split_words(std::string_view text);

}  // namespace toast::dialogue
