// A hijacked authd's bytes as spawnd reads them, and the other way round. Whatever decodes is
// within its limits and encodes to the same bytes again.
#include <cstdint>

#include "auth/programs/program_messages.h"
#include "tests/fuzz/round_trip.h"

using namespace toast;
using namespace toast::auth;
using fuzz::require;
using fuzz::round_trips;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  CheckByProgram question;
  if (round_trips(input, question))
    require(question.domain.size() <= kMaxAccountDomain && question.login.size() <= kMaxLoginName &&
            question.password.size() <= kMaxPassword && question.service <= kLastService &&
            question.peer.size() <= kMaxPeerAddress);
  CheckByProgram::Reply reply;
  if (round_trips(input, reply))
    require(reply.verdict <= CheckByProgram::Verdict::unknown &&
            reply.reason.size() <= CheckByProgram::kMaxReason);
  return 0;
}
