//! What to put into the configuration of the PBX.

use super::Settings;

/// The lines of `manager.conf` for Asterisk 1.6 and later, and for FreePBX.
#[must_use]
pub fn setup_lines(settings: &Settings) -> String {
    format!(
        "; Asterisk 1.6 and later: at the end of /etc/asterisk/manager.conf,\n\
         ; FreePBX: of /etc/asterisk/manager_custom.conf. Then: asterisk -rx \"manager reload\"\n\
         [{user}]\n\
         secret = {secret}\n\
         deny = 0.0.0.0/0.0.0.0\n\
         permit = 127.0.0.1/255.255.255.255      ; the address of the Hookswitch server\n\
         read = system,call,agent,cdr,user\n\
         write = originate,call,reporting\n\
         writetimeout = 5000\n\
         eventfilter = !^Event: (VarSet|Newexten|RTCP|TestEvent|ChallengeSent|SuccessfulAuth)\n\
         \n\
         ; In the section [general] of manager.conf:\n\
         enabled = yes\n\
         timestampevents = yes\n",
        user = settings.username,
        secret = secret(settings),
    )
}

/// The same for Elastix and plain Asterisk 1.4.
#[must_use]
pub(super) fn elastix_lines(settings: &Settings) -> String {
    format!(
        "; At the end of /etc/asterisk/manager_custom.conf (plain Asterisk 1.4: manager.conf).\n\
         ; Then: asterisk -rx \"reload manager\" (1.4) or asterisk -rx \"manager reload\" (1.6)\n\
         [{user}]\n\
         secret = {secret}\n\
         deny = 0.0.0.0/0.0.0.0\n\
         permit = 127.0.0.1/255.255.255.255      ; the address of the Hookswitch server\n\
         read = system,call,agent,cdr,user\n\
         write = originate,call,reporting\n\
         writetimeout = 5000\n\
         \n\
         ; In /etc/asterisk/queues.conf, for each queue whose calls are to be seen ringing:\n\
         eventwhencalled = yes\n\
         eventmemberstatus = yes\n",
        user = settings.username,
        secret = secret(settings),
    )
}

fn secret(settings: &Settings) -> &str {
    let secret = settings.secret.0.as_str();
    if secret.is_empty() { "32-random-letters-and-digits" } else { secret }
}
