#include "auth/sasl/scram.h"

#include <sodium.h>

#include <algorithm>
#include <optional>

#include "auth/service.h"
#include "base/base64.h"

namespace toast::auth::sasl {
namespace {

// What the client has said of channel bindings we understand.
constexpr std::string_view kBindingFlag = "p=tls-exporter";

// `text` up to the next comma, which goes with it; the rest when there is none.
std::string_view take_field(std::string_view& text) {
  const std::size_t comma = text.find(',');
  const std::string_view field = text.substr(0, comma);
  text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  return field;
}

// The value of the attribute `name`; none: this is another one.
std::optional<std::string_view> value_of(std::string_view field, char name) {
  if (field.size() < 2 || field[0] != name || field[1] != '=') return std::nullopt;
  return field.substr(2);
}

// RFC 5802 section 5.1: "=2C" for a comma and "=3D" for an equals sign, no other "=".
std::optional<std::string> name_from(std::string_view text) {
  std::string name;
  while (!text.empty()) {
    if (text[0] != '=') {
      name.push_back(text[0]);
      text.remove_prefix(1);
      continue;
    }
    const std::string_view code = text.substr(0, 3);
    if (code != "=2C" && code != "=3D") return std::nullopt;
    name.push_back(code == "=2C" ? ',' : '=');
    text.remove_prefix(3);
  }
  if (name.empty() || name.size() > kMaxLoginName || name.find('\0') != std::string::npos)
    return std::nullopt;
  return name;
}

bool is_nonce(std::string_view text) {
  return !text.empty() && text.size() <= kMaxScramNonce &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

// RFC 5802 section 3: is the client's proof that of a client that has the password?
bool is_right(const ScramVerifier& verifier, std::string_view auth_message, const Secret& proof) {
  std::string client_key = scram::hmac(verifier.stored_key.view(), auth_message);
  for (std::size_t i = 0; i < client_key.size(); ++i)
    client_key[i] = static_cast<char>(client_key[i] ^ proof.view()[i]);
  const bool right = equal_in_constant_time(scram::sha256(client_key), verifier.stored_key.view());
  wipe(client_key);
  return right;
}

}  // namespace

Step Scram::hear(std::string_view message) {
  switch (next_) {
    case Next::first:
      return hear_first(message);
    case Next::final:
      return hear_final(message);
    case Next::verifier:
    case Next::nothing:
      break;
  }
  return Malformed{"SCRAM: a message too many"};
}

// What the client says of channel binding, against what is so. A Challenge: it fits.
Step Scram::check_binding(std::string_view flag) const {
  if (flag.starts_with("p=")) {
    if (!channel_.plus) return Malformed{"SCRAM: channel binding without -PLUS"};
    if (flag != kBindingFlag) return Malformed{"SCRAM: a channel binding that is not offered"};
    return Challenge{};
  }
  if (flag != "n" && flag != "y") return Malformed{"SCRAM: no gs2-cbind-flag"};
  if (channel_.plus) return Malformed{"SCRAM: -PLUS without channel binding"};
  // The client could bind and believes that we cannot: somebody has taken -PLUS out of our offer.
  if (flag == "y" && !channel_.binding.empty()) return Refused{"scram_downgraded"};
  return Challenge{};
}

Step Scram::hear_first(std::string_view message) {
  next_ = Next::nothing;
  std::string_view rest = message;
  const std::string_view flag = take_field(rest);
  Step binding = check_binding(flag);
  if (!std::holds_alternative<Challenge>(binding)) return binding;
  const std::string_view acting = take_field(rest);
  if (!acting.empty()) {
    const std::optional<std::string_view> name = value_of(acting, 'a');
    std::optional<std::string> authorization = name ? name_from(*name) : std::nullopt;
    if (!authorization) return Malformed{"SCRAM: no authzid where one was begun"};
    authorization_ = std::move(*authorization);
  }
  gs2_header_ = message.substr(0, message.size() - rest.size());
  client_first_bare_ = rest;
  const std::string_view name_field = take_field(rest);
  if (name_field.starts_with("m=")) return Malformed{"SCRAM: an extension that must be understood"};
  const std::optional<std::string_view> name = value_of(name_field, 'n');
  std::optional<std::string> login = name ? name_from(*name) : std::nullopt;
  if (!login) return Malformed{"SCRAM: no name"};
  const std::optional<std::string_view> nonce = value_of(take_field(rest), 'r');
  if (!nonce || !is_nonce(*nonce)) return Malformed{"SCRAM: no nonce"};
  login_ = std::move(*login);
  nonce_ = std::string(*nonce) + channel_.nonce;
  next_ = Next::verifier;
  return FindVerifier{login_};
}

Step Scram::found(ScramVerifier verifier) {
  verifier_ = std::move(verifier);
  server_first_ = "r=" + nonce_ + ",s=" + base64_encode(verifier_.salt) +
                  ",i=" + std::to_string(verifier_.iterations);
  next_ = Next::final;
  return Challenge{server_first_};
}

Step Scram::hear_final(std::string_view message) {
  next_ = Next::nothing;
  const std::size_t before_proof = message.rfind(",p=");
  if (before_proof == std::string_view::npos) return Malformed{"SCRAM: no proof"};
  const std::string_view without_proof = message.substr(0, before_proof);
  std::string_view rest = without_proof;
  const std::optional<std::string_view> binding = value_of(take_field(rest), 'c');
  const std::optional<std::string_view> nonce = value_of(take_field(rest), 'r');
  const std::optional<Secret> proof = base64_decode(message.substr(before_proof + 3));
  if (!binding || !nonce || !proof || proof->size() != kScramKeyBytes)
    return Malformed{"SCRAM: not a client-final-message"};
  if (!equal_in_constant_time(*nonce, nonce_)) return Malformed{"SCRAM: another nonce"};
  const std::string expected =
      base64_encode(gs2_header_ + (channel_.plus ? channel_.binding : std::string()));
  if (!equal_in_constant_time(*binding, expected)) return Refused{"scram_channel_binding"};
  const std::string auth_message =
      client_first_bare_ + "," + server_first_ + "," + std::string(without_proof);
  CheckProof answer{authorization_, login_, is_right(verifier_, auth_message, *proof), {}};
  answer.server_final =
      "v=" + base64_encode(scram::hmac(verifier_.server_key.view(), auth_message));
  return answer;
}

}  // namespace toast::auth::sasl
