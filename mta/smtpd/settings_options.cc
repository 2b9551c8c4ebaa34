#include "mta/smtpd/settings_options.h"

#include "base/connection_limits.h"
#include "base/settings_registry.h"

namespace toast::smtpd {
namespace {

std::size_t count(const Settings& settings, const IntegerSetting& setting) {
  return static_cast<std::size_t>(settings.get(setting));
}

SenderMode sender_mode(const Settings& settings, const ChoiceSetting& setting) {
  const std::string& mode = settings.get(setting);
  if (mode == "off") return SenderMode::off;
  return mode == "enforce" ? SenderMode::enforce : SenderMode::warn;
}

}  // namespace

Options options_from(const Settings& settings, std::size_t processes) {
  Options options;
  options.host = settings.get(setting::me);
  options.greeting = settings.get(setting::smtpgreeting);
  options.max_message_bytes = settings.get(setting::databytes);
  options.command_timeout = settings.get(setting::timeoutsmtpd);
  options.session_timeout = settings.get(setting::smtpsessionseconds);
  options.max_recipients = count(settings, setting::smtpmaxrecipients);
  options.max_errors = count(settings, setting::smtpmaxerrors);
  options.max_noops = count(settings, setting::smtpmaxnoops);
  options.max_messages = count(settings, setting::smtpmaxmessages);
  options.max_hops = count(settings, setting::smtpmaxhops);
  const bool normalise = settings.get(setting::smtpbarenewline) == "normalise";
  options.bare_newline = normalise ? smtp::BareNewline::normalise : smtp::BareNewline::refuse;
  if (settings.get(setting::smtptlsversion) == "1.3") options.tls_floor = tls::Floor::tls13;
  if (settings.get(setting::submissiontlsversion) == "1.3")
    options.submission_tls_floor = tls::Floor::tls13;
  options.sasl = {settings.get(setting::authscram) == "yes",
                  settings.get(setting::authcram) == "yes"};
  options.auth_on_smtp = settings.get(setting::smtpauth);
  options.max_auth_failures = count(settings, setting::smtpauthfailures);
  options.envelope_check = sender_mode(settings, setting::sendercheck);
  options.from_check = sender_mode(settings, setting::fromcheck);
  options.hide_client = settings.get(setting::submissionhideclient);
  options.relay_networks = settings.get(setting::relaynetworks);
  options.proxy_networks = settings.get(setting::proxynetworks);
  options.max_connections = share_of(count(settings, setting::smtpmaxconnections), processes);
  options.max_per_address = share_of(count(settings, setting::smtpmaxperaddress), processes);
  return options;
}

}  // namespace toast::smtpd
