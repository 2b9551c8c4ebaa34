#include "mta/remote/outcome.h"

#include <algorithm>
#include <string_view>

#include "mta/message/ascii.h"

namespace toast::remote {
namespace {

constexpr std::size_t kMaxStatusPart = 3;  // RFC 3463 section 2: up to three digits

// "5.1.1" in front of `text`, or empty (RFC 3463 section 2).
std::string_view leading_status(std::string_view text) {
  std::size_t at = 0;
  for (int part = 0; part < 3; ++part) {
    if (part > 0 && (at >= text.size() || text[at++] != '.')) return {};
    const std::size_t begin = at;
    while (at < text.size() && ascii::is_digit(text[at])) ++at;
    if (at == begin || at - begin > (part == 0 ? 1 : kMaxStatusPart)) return {};
  }
  if (at < text.size() && text[at] != ' ' && text[at] != '\n') return {};
  return text.substr(0, at);
}

// Of the class that the code says; others are nonsense. There is no class 3 (RFC 3463 section 2).
std::string_view own_status(const RemoteReply& reply) {
  const std::string_view status = leading_status(reply.text);
  if (status.empty() || reply.is_intermediate() || status[0] - '0' != reply.code / 100) return {};
  return status;
}

Outcome::Kind kind_of(const RemoteReply& reply) {
  if (reply.is_positive()) return Outcome::Kind::delivered;
  return reply.is_permanent() ? Outcome::Kind::failed : Outcome::Kind::deferred;
}

Outcome make(Outcome::Kind kind, std::string text) {
  text.resize(std::min(text.size(), kMaxReportText));
  return {kind, std::move(text), false};
}

}  // namespace

std::string quote(const RemoteReply& reply) {
  std::string out = std::to_string(reply.code);
  const std::string_view status = own_status(reply);
  std::string_view rest = reply.text;
  for (bool first = true; first || !rest.empty(); first = false) {
    const std::size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (!first && !status.empty() && line.starts_with(status)) line.remove_prefix(status.size());
    while (line.starts_with(' ')) line.remove_prefix(1);
    if (!line.empty()) out.append(" ").append(line);
  }
  return out;
}

std::string status_of(const RemoteReply& reply) {
  const std::string_view own = own_status(reply);
  if (!own.empty()) return std::string(own);
  const char status_class = reply.is_positive() ? '2' : reply.is_permanent() ? '5' : '4';
  return std::string(1, status_class) + ".0.0";
}

Outcome outcome_of(const RemoteReply& reply) {
  return make(kind_of(reply), status_of(reply) + " Remote host said: " + quote(reply));
}

Outcome outcome_of(const RemoteReply& reply, Failure failure) {
  const bool permanent = failure == Failure::permanent;
  std::string status = status_of(reply);
  status[0] = permanent ? '5' : '4';
  return make(permanent ? Outcome::Kind::failed : Outcome::Kind::deferred,
              status + " Remote host said: " + quote(reply));
}

bool says_too_many_recipients(const RemoteReply& reply) {
  if (reply.code != 452 && reply.code != 552) return false;
  const std::string_view status = own_status(reply);
  return status.empty() || status.substr(1) == ".5.3";
}

Outcome outcome_of(const Error& error) {
  const bool permanent = error.failure == Failure::permanent;
  return make(permanent ? Outcome::Kind::failed : Outcome::Kind::deferred, error.reply);
}

}  // namespace toast::remote
