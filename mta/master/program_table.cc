#include "mta/master/program_table.h"

#include <algorithm>

#include "base/settings_registry.h"

namespace toast::master {
namespace {

constexpr LocalSocket kQueueSockets[] = {
    {"queue.sock", 0600},   // toastctl
    {"submit.sock", 0666},  // every user may send mail
};

constexpr LocalSocket kAuthdSockets[] = {
    {"auth.sock", 0600},           // toastctl
    {"checkpassword.sock", 0600},  // toast-checkpassword, run by root
};

constexpr NetworkListener kSmtpListeners[] = {
    {"smtp", &setting::smtplisten},
    {"submission", &setting::submissionlisten},
    {"submissions", &setting::submissionslisten},  // TLS from the first byte
};
constexpr NetworkListener kPop3Listeners[] = {
    {"pop3", &setting::pop3listen}, {"pop3s", &setting::pop3slisten},  // TLS from the first byte
};

// clang-format off
constexpr Program kPrograms[] = {
    // name             stage              account                network         processes                local sockets  ticket key
    {"toast-vdomaind",  Stage::keepers,    &setting::uservdomaind, {},             nullptr,                 {},            TicketKey::none},
    {"toast-authd",     Stage::keepers,    &setting::userauthd,    {},             nullptr,                 kAuthdSockets,            TicketKey::issuer},
    {"toast-spawnd",    Stage::keepers,    nullptr,                {},             nullptr,                 {},            TicketKey::none, &setting::checkpasswordprograms},
    {"toast-maild",     Stage::keepers,    &setting::usermaild,    {},             nullptr,                 {},            TicketKey::mailbox},
    {"toast-keyd",      Stage::keepers,    &setting::userkeyd,     {},             nullptr,                 {},            TicketKey::none},
    {"toast-remoted",   Stage::keepers,    &setting::userremoted,  {},             nullptr,                 {},            TicketKey::none},
    {"toast-queued",    Stage::queue,      &setting::userqueued,   {},             nullptr,                 kQueueSockets, TicketKey::submission},
    {"toast-smtpd",     Stage::front_ends, &setting::usersmtpd,    kSmtpListeners, &setting::smtpprocesses, {},            TicketKey::none},
    {"toast-pop3d",     Stage::front_ends, &setting::userpop3d,    kPop3Listeners, &setting::pop3processes, {},            TicketKey::none},
};

// client calls keeper
constexpr Wire kWires[] = {
    {"toast-smtpd",  "toast-vdomaind"},  // is this recipient known
    {"toast-smtpd",  "toast-queued"},    // take this message
    {"toast-smtpd",  "toast-authd"},     // who is this: SASL, a ticket
    {"toast-smtpd",  "toast-keyd"},      // certificates; sign this handshake
    {"toast-queued", "toast-vdomaind"},  // where does this recipient go now
    {"toast-queued", "toast-maild"},     // put it there
    {"toast-queued", "toast-remoted"},   // hand it to another host
    {"toast-pop3d",  "toast-authd"},     // who is this: a ticket
    {"toast-pop3d",  "toast-maild"},     // open the mailbox of this ticket
    {"toast-pop3d",  "toast-keyd"},      // certificates; sign this handshake
    {"toast-authd",  "toast-vdomaind"},  // what may this account use
    {"toast-authd",  "toast-keyd"},      // certificates of the database, their keys sealed
    {"toast-authd",  "toast-spawnd"},    // does this domain's program take this password
    {"toast-maild",  "toast-vdomaind"},  // quotas, and usage reports
};

constexpr Mourner kMourners[] = {
    {"toast-maild",  "toast-authd"},     // the tickets of a process end with it
    {"toast-queued", "toast-authd"},
};
// clang-format on

}  // namespace

std::span<const Program> programs() { return kPrograms; }
std::span<const Wire> wires() { return kWires; }

std::string ProcessSpec::name() const {
  return std::string(program->name) + "." + std::to_string(instance);
}

std::vector<ProcessSpec> processes_for(const Settings& settings, unsigned cores) {
  std::vector<ProcessSpec> specs;
  for (const Program& program : kPrograms) {
    const bool wanted =
        program.network.empty() ||
        std::any_of(program.network.begin(), program.network.end(),
                    [&](const NetworkListener& l) { return !settings.get(*l.endpoints).empty(); });
    const bool needed = program.needed_for == nullptr || !settings.get(*program.needed_for).empty();
    if (!wanted || !needed) continue;
    const std::int64_t asked = program.processes == nullptr ? 1 : settings.get(*program.processes);
    // One per core, but never more than may be asked for: the queue id has room for so many.
    const std::int64_t wanted_count =
        asked == 0 ? std::min<std::int64_t>(cores, program.processes->maximum) : asked;
    const auto count = static_cast<std::uint32_t>(wanted_count);
    for (std::uint32_t i = 0; i < count; ++i) specs.push_back({&program, i, count});
  }
  return specs;
}

bool is_listener_of(const Program& program, std::string_view listener) {
  return std::any_of(program.network.begin(), program.network.end(),
                     [&](const NetworkListener& network) { return network.name == listener; }) ||
         std::any_of(program.local_sockets.begin(), program.local_sockets.end(),
                     [&](const LocalSocket& local) { return local.name == listener; });
}

bool is_wired(const Program& client, const Program& keeper) {
  return std::any_of(std::begin(kWires), std::end(kWires), [&](const Wire& wire) {
    return wire.client == client.name && wire.keeper == keeper.name;
  });
}

bool is_told_of_end(const Program& program, const Program& ended) {
  return std::any_of(std::begin(kMourners), std::end(kMourners), [&](const Mourner& mourner) {
    return mourner.told == program.name && mourner.ended == ended.name;
  });
}

}  // namespace toast::master
