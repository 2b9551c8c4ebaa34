#include "base/control_messages.h"

namespace toast::control {

void encode_snapshot(Encoder& e, const Snapshot& snapshot) {
  e.list(snapshot, [](Encoder& out, const auto& setting) {
    out.bytes(setting.first);
    out.bytes(setting.second);
  });
}

Snapshot decode_snapshot(Decoder& d) {
  Snapshot snapshot;
  for (auto& [name, content] : d.list(kMaxSettings, [](Decoder& in) {
         std::string name = in.string(kMaxName);
         std::string content = in.string(kMaxSettingBytes);
         return std::pair{std::move(name), std::move(content)};
       })) {
    snapshot.insert_or_assign(std::move(name), std::move(content));
  }
  return snapshot;
}

void Startup::encode(Encoder& e) const {
  e.bytes(program);
  e.u32(instance);
  e.u32(instances);
  e.bytes(root);
  e.boolean(unprivileged);
  e.bytes(boot_id);
  e.bytes(ticket_key.view());
  e.u32(sockets);
  encode_snapshot(e, settings);
}

Startup Startup::decode(Decoder& d) {
  Startup m;
  m.program = d.string(kMaxName);
  m.instance = d.u32();
  m.instances = d.u32();
  m.root = d.string(4096);  // PATH_MAX
  m.unprivileged = d.boolean();
  m.boot_id = d.string(kMaxName);
  m.ticket_key = Secret(d.bytes(kKeyBytes));
  m.sockets = d.u32();
  m.settings = decode_snapshot(d);
  return m;
}

void PeerEnded::encode(Encoder& e) const {
  e.bytes(program);
  e.i64(std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count());
}

PeerEnded PeerEnded::decode(Decoder& d) {
  PeerEnded m;
  m.program = d.string(kMaxName);
  m.at = SteadyTime(std::chrono::nanoseconds(d.i64()));
  return m;
}

}  // namespace toast::control
