// A stranger's half of an exchange, message after message: whatever it is, what comes out is within
// the limits of a login, and the end of an exchange is its end.
//
// Input: one letter for the mechanism, then messages with 0xff between them.
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "auth/sasl/mechanisms.h"
#include "auth/service.h"

using namespace toast::auth;

namespace {

std::string_view mechanism_of(char letter) {
  switch (letter) {
    case 'L':
      return sasl::kLogin;
    case 'S':
      return sasl::kScram;
    case 'C':
      return sasl::kCramMd5;
    case 'B':
      return sasl::kScramPlus;
    default:
      return sasl::kPlain;
  }
}

// A proof that nobody could make by chance; the client's messages are then what SCRAM says they
// are.
void check(const sasl::CheckProof& proof) {
  if (proof.login.empty() || proof.login.size() > kMaxLoginName) std::abort();
  if (proof.authorization.size() > kMaxLoginName) std::abort();
  if (proof.right || !proof.server_final.starts_with("v=")) std::abort();
}

void check(const sasl::CheckPassword& question) {
  if (question.login.empty() || question.login.size() > kMaxLoginName) std::abort();
  if (question.authorization.size() > kMaxLoginName) std::abort();
  if (question.password.empty() || question.password.size() > kMaxPassword) std::abort();
  if (question.login.find('\0') != std::string::npos) std::abort();
  if (question.password.view().find('\0') != std::string_view::npos) std::abort();
}

void check(const sasl::CheckDigest& question) {
  if (question.login.empty() || question.login.size() > kMaxLoginName) std::abort();
  if (question.login.find('\0') != std::string::npos) std::abort();
  if (question.proof.challenge != "<1@mx>") std::abort();
  if (md5_digits(question.proof.digest) != question.proof.digest) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::unique_ptr<sasl::Mechanism> mechanism =
      sasl::make_mechanism(mechanism_of(input[0]), {.offer = {.scram = true, .cram = true},
                                                    .binding = "exported",
                                                    .nonce = "server",
                                                    .challenge = "<1@mx>"});
  if (!mechanism) std::abort();
  const char letter = input[0];
  input.remove_prefix(1);
  if (mechanism_of(letter) == sasl::kCramMd5) mechanism->begin();
  for (;;) {
    const std::size_t end = input.find('\xff');
    sasl::Step step = mechanism->hear(input.substr(0, end));
    if (const auto* find = std::get_if<sasl::FindVerifier>(&step)) {
      if (find->login.empty() || find->login.size() > kMaxLoginName) std::abort();
      step = mechanism->found(invented_scram_verifier(toast::Secret("key"), find->login));
    }
    if (const auto* proof = std::get_if<sasl::CheckProof>(&step)) check(*proof);
    if (const auto* question = std::get_if<sasl::CheckDigest>(&step)) check(*question);
    if (const auto* question = std::get_if<sasl::CheckPassword>(&step)) check(*question);
    if (!std::holds_alternative<sasl::Challenge>(step)) return 0;
    if (end == std::string_view::npos) return 0;
    input.remove_prefix(end + 1);
  }
}
