#include "mta/queue/local_door.h"

#include <algorithm>
#include <unordered_set>

#include "mta/message/ascii.h"
#include "mta/message/date.h"
#include "mta/queue/local_envelope.h"

namespace toast::queue {

struct LocalDoor::User {
  std::size_t connections = 0;
  std::size_t submissions = 0;
};

// A message whose envelope comes last.
struct LocalDoor::Draft {
  explicit Draft(std::shared_ptr<User> whose) : user(std::move(whose)) { ++user->submissions; }
  ~Draft() { --user->submissions; }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  void look_at(std::string_view bytes) {
    if (bytes.empty()) return;
    eight_bit = eight_bit || !std::all_of(bytes.begin(), bytes.end(), ascii::is_ascii);
    ends_in_newline = bytes.back() == '\n';
  }

  std::shared_ptr<User> user;
  std::shared_ptr<Intake::Submission> content;
  SubmitBegin envelope;
  std::unordered_set<Address> known;
  bool eight_bit = false;
  bool ends_in_newline = true;
};

struct LocalDoor::Client {
  uid_t uid = 0;
  std::shared_ptr<User> user;
  std::map<std::uint32_t, std::shared_ptr<Draft>> drafts;

  std::shared_ptr<Draft> find(std::uint32_t submission) const {
    const auto found = drafts.find(submission);
    return found == drafts.end() ? nullptr : found->second;
  }
};

std::string format_local_received(MessageId id, uid_t uid, WallTime time) {
  return "Received: (toast-queue " + id.str() + " invoked by uid " + std::to_string(uid) + "); " +
         format_qmail_date(time) + "\n";
}

LocalDoor::LocalDoor(Services services, const Options& options)
    : services_(services), default_host_(options.no_at_host) {}

std::optional<PeerSocket::Guest> LocalDoor::admit(uid_t uid) {
  std::shared_ptr<User>& user = users_[uid];
  if (!user) user = std::make_shared<User>();
  if (user->connections >= kMaxUserConnections ||
      (uid != 0 && connections_ >= kMaxLocalConnections)) {
    services_.log.warning("queue.local.crowded",
                          {{"uid", std::uint64_t{uid}}, {"connections", user->connections}});
    if (user->connections == 0) users_.erase(uid);
    return std::nullopt;
  }
  ++user->connections;
  if (uid != 0) ++connections_;
  auto client = std::make_shared<Client>();
  client->uid = uid;
  client->user = user;
  std::erase_if(clients_, [](const std::weak_ptr<Client>& gone) { return gone.expired(); });
  clients_.push_back(client);
  auto dispatcher = std::make_shared<ipc::Dispatcher>();
  dispatcher->on<LocalOpen>([this, client](LocalOpen m) { return open(client, m); });
  dispatcher->on<SubmitChunk>(
      [this, client](SubmitChunk m) { return chunk(client, std::move(m)); });
  dispatcher->on<LocalRecipients>(
      [this, client](LocalRecipients m) { return recipients(client, std::move(m)); });
  dispatcher->on<LocalEnd>([this, client](LocalEnd m) { return end(client, std::move(m)); });
  dispatcher->on_notice<SubmitAbort>(
      [client](SubmitAbort m) { client->drafts.erase(m.submission); });
  return PeerSocket::Guest{"uid " + std::to_string(uid), std::move(dispatcher),
                           [this, client, uid] {
                             client->drafts.clear();
                             if (uid != 0) --connections_;
                             if (--client->user->connections == 0) users_.erase(uid);
                           }};
}

void LocalDoor::drop_all() {
  for (const std::weak_ptr<Client>& weak : clients_)
    if (const std::shared_ptr<Client> client = weak.lock()) client->drafts.clear();
}

tl::unexpected<Error> LocalDoor::refuse(const Client& client, Error error) const {
  services_.log.info("queue.local.refused",
                     {{"uid", std::uint64_t{client.uid}}, {"reason", error.detail}});
  return tl::unexpected(std::move(error));
}

Task<Result<LocalOpened>> LocalDoor::open(std::shared_ptr<Client> client, LocalOpen message) {
  if (std::optional<Error> why = services_.intake.refusal(0))
    co_return refuse(*client, std::move(*why));
  if (client->drafts.contains(message.submission))
    co_return permanent("this submission is open already");
  if (client->user->submissions >= kMaxUserSubmissions)
    co_return refuse(*client,
                     Error{Failure::transient, "4.3.2 too many messages of yours at a time",
                           "too many submissions of this user"});
  auto draft = std::make_shared<Draft>(client->user);
  draft->envelope.id = services_.ids.next();
  draft->envelope.peer = "uid " + std::to_string(client->uid);
  draft->content = services_.intake.open(draft->envelope.id);
  client->drafts[message.submission] = draft;
  std::string received =
      format_local_received(draft->envelope.id, client->uid, services_.clock.wall());
  Result<void> added = co_await services_.intake.append(draft->content, std::move(received));
  if (!added) co_return pass(added);
  co_return LocalOpened{draft->envelope.id};
}

Task<Result<ipc::Done>> LocalDoor::chunk(std::shared_ptr<Client> client, SubmitChunk message) {
  const std::shared_ptr<Draft> draft = client->find(message.submission);
  if (!draft) co_return transient("chunk of an unknown submission");
  draft->look_at(message.bytes);
  Result<void> added = co_await services_.intake.append(draft->content, std::move(message.bytes));
  if (added) co_return ipc::Done{};
  co_return refuse(*client, std::move(added.error()));
}

Result<void> LocalDoor::add(Draft& draft, LocalRecipient recipient) const {
  Result<Address> address = parse_local_recipient(recipient.address, default_host_);
  if (!address) return pass(address);
  if (!draft.known.insert(*address).second) return {};  // named twice, delivered once
  if (draft.envelope.recipients.size() >= kMaxEnvelopeRecipients)
    return permanent(
        "too many recipients",
        "5.5.3 more than " + std::to_string(kMaxEnvelopeRecipients) + " recipients in one message");
  draft.envelope.recipients.emplace_back(std::move(*address), recipient.notify,
                                         std::move(recipient.orcpt));
  return {};
}

Task<Result<ipc::Done>> LocalDoor::recipients(std::shared_ptr<Client> client,
                                              LocalRecipients message) {
  const std::shared_ptr<Draft> draft = client->find(message.submission);
  if (!draft) co_return transient("recipients of an unknown submission");
  for (LocalRecipient& recipient : message.recipients) {
    Result<void> added = add(*draft, std::move(recipient));
    if (added) continue;
    client->drafts.erase(message.submission);
    co_return refuse(*client, std::move(added.error()));
  }
  co_return ipc::Done{};
}

Task<Result<ipc::Done>> LocalDoor::end(std::shared_ptr<Client> client, LocalEnd message) {
  std::shared_ptr<Draft> draft = client->find(message.submission);
  if (!draft) co_return transient("end of an unknown submission");
  client->drafts.erase(message.submission);
  Result<void> promised = co_await submit(std::move(draft), std::move(message));
  if (promised) co_return ipc::Done{};
  co_return refuse(*client, std::move(promised.error()));
}

Task<Result<void>> LocalDoor::submit(std::shared_ptr<Draft> draft, LocalEnd message) {
  Result<LocalSender> sender = parse_local_sender(message.sender, default_host_);
  if (!sender) co_return pass(sender);
  // To nobody: qmail-queue takes it, and it has come to its end at once.
  if (draft->envelope.recipients.empty()) co_return Result<void>();
  draft->look_at(message.bytes);
  if (!draft->ends_in_newline) message.bytes += '\n';
  SubmitBegin envelope = std::move(draft->envelope);
  envelope.reverse_path = std::move(sender->path);
  envelope.verp = sender->verp;
  if (draft->eight_bit) envelope.body_type = BodyType::eight_bit_mime;
  envelope.ret = message.ret;
  envelope.envid = std::move(message.envid);
  co_return co_await services_.intake.close_local(draft->content, std::move(envelope),
                                                  sender->double_bounce, std::move(message.bytes));
}

}  // namespace toast::queue
