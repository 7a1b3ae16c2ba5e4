//! What is done about an event of the tenant log, by its code (`type`), and which reason that logout has.
//!
//! Only what says by itself that a login has ended, or that an account is no longer what it was, logs anybody out unless the
//! configuration says more: a code that anybody can provoke (a login with a leaked password, a password reset that was asked
//! for) would let strangers log users out.

use crate::domain::LogoutReason::{self, AccountDisabled, Compromise, CredentialChange, ProviderLogout, UserLogout};

/// What is done about an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogAction {
    /// The session that it names ends; where it names none, all of its user's do.
    Session,
    /// All of its user's sessions end.
    User,
    /// Its user's tokens at the client that it names are no longer honoured.
    Client,
    /// What the call of the Management API did to users and sessions is done here too. For `sapi` alone: the user that
    /// such an event names is who called.
    Management,
    /// Nothing.
    Ignore,
}

/// A code, what is done about its events by default, and the reason of such a logout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogCode {
    /// The code.
    pub code: &'static str,
    /// What is done by default.
    pub action: LogAction,
    /// Why.
    pub reason: LogoutReason,
}

const fn code(code: &'static str, action: LogAction, reason: LogoutReason) -> LogCode {
    LogCode { code, action, reason }
}

/// How many codes there are that may do something.
const CODES: usize = 28;

/// The codes that something can be done about. All others are ignored.
pub const LOG_CODES: [LogCode; CODES] = [
    // A user logged out; and an older name.
    code("slo", LogAction::Session, ProviderLogout),
    // An application was not told of a logout, so that its tokens would go on: as if it had been told. It names no session.
    code("oidc_backchannel_logout_failed", LogAction::Client, ProviderLogout),
    code("fslo", LogAction::Client, ProviderLogout),
    // An application was told of a logout: /backchannel-logout is where it should have been.
    code("oidc_backchannel_logout_succeeded", LogAction::Ignore, ProviderLogout),
    code("sslo", LogAction::Ignore, ProviderLogout),
    // Okta asked for a user to be logged out everywhere, and it was done.
    code("universal_logout_succeeded", LogAction::User, ProviderLogout),
    // A logout did not work: nobody has logged out.
    code("flo", LogAction::Ignore, ProviderLogout),
    code("federated_logout_failed", LogAction::Ignore, ProviderLogout),
    code("universal_logout_failed", LogAction::Ignore, ProviderLogout),
    // The password was changed; a change was asked for, which anybody can.
    code("scp", LogAction::User, CredentialChange),
    code("scpr", LogAction::Ignore, CredentialChange),
    // The e-mail address, the user name, the phone number were changed; a second factor was removed.
    code("sce", LogAction::Ignore, CredentialChange),
    code("scu", LogAction::Ignore, CredentialChange),
    code("scpn", LogAction::Ignore, CredentialChange),
    code("gd_unenroll", LogAction::Ignore, CredentialChange),
    // The account is gone; an older name.
    code("sdu", LogAction::User, AccountDisabled),
    code("du", LogAction::User, AccountDisabled),
    // Somebody tried a password that has leaked: to log in, to reset, to sign up.
    code("pwd_leak", LogAction::Ignore, Compromise),
    code("reset_pwd_leak", LogAction::Ignore, Compromise),
    code("signup_pwd_leak", LogAction::Ignore, Compromise),
    // Too many attempts; the block was lifted.
    code("limit_wc", LogAction::Ignore, Compromise),
    code("limit_mu", LogAction::Ignore, Compromise),
    code("limit_sul", LogAction::Ignore, Compromise),
    code("ublkdu", LogAction::Ignore, Compromise),
    // A refresh token was revoked; one was used that had been used, or that is of no more use.
    code("srrt", LogAction::Ignore, UserLogout),
    code("ferrt", LogAction::Ignore, Compromise),
    code("fertft", LogAction::Ignore, UserLogout),
    // A call of the Management API that wrote.
    code("sapi", LogAction::Ignore, LogoutReason::Administrator),
];

/// What may be configured for most codes.
const CHOICES: [(&str, LogAction); 4] = [
    ("session", LogAction::Session),
    ("user", LogAction::User),
    ("client", LogAction::Client),
    ("ignore", LogAction::Ignore),
];

/// What may be configured for `sapi`, whose user is who called.
const MANAGEMENT_CHOICES: [(&str, LogAction); 2] =
    [("management", LogAction::Management), ("ignore", LogAction::Ignore)];

impl LogCode {
    /// What may be configured for it: words and what they mean.
    #[must_use]
    pub fn choices(&self) -> &'static [(&'static str, LogAction)] {
        if self.code == "sapi" { &MANAGEMENT_CHOICES } else { &CHOICES }
    }
}

/// What is done about the events of one issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogActions([LogCode; CODES]);

impl Default for LogActions {
    fn default() -> Self {
        Self(LOG_CODES)
    }
}

impl LogActions {
    /// Does something else about the events of a code; an unknown code changes nothing.
    pub fn set(&mut self, code: &str, action: LogAction) {
        self.0.iter_mut().filter(|known| known.code == code).for_each(|known| known.action = action);
    }

    /// What is done about the events of a code, and why. None: nothing.
    #[must_use]
    pub fn of(&self, code: &str) -> Option<(LogAction, LogoutReason)> {
        let known = self.0.iter().find(|known| known.code == code)?;
        (known.action != LogAction::Ignore).then_some((known.action, known.reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_a_login_logs_out_by_default_and_nothing_that_strangers_can_provoke() {
        let actions = LogActions::default();
        for (code, expected) in [
            ("slo", Some((LogAction::Session, ProviderLogout))),
            ("oidc_backchannel_logout_failed", Some((LogAction::Client, ProviderLogout))),
            ("universal_logout_succeeded", Some((LogAction::User, ProviderLogout))),
            ("scp", Some((LogAction::User, CredentialChange))),
            ("sdu", Some((LogAction::User, AccountDisabled))),
            ("scpr", None),
            ("flo", None),
            ("pwd_leak", None),
            ("limit_wc", None),
            ("sapi", None),
            ("s", None),
            ("", None),
            ("SLO", None),
        ] {
            assert_eq!(actions.of(code), expected, "{code}");
        }
    }

    #[test]
    fn the_configuration_says_otherwise() {
        let mut actions = LogActions::default();
        actions.set("slo", LogAction::Ignore);
        actions.set("pwd_leak", LogAction::User);
        actions.set("nonsense", LogAction::User);
        assert_eq!(actions.of("slo"), None);
        assert_eq!(actions.of("pwd_leak"), Some((LogAction::User, Compromise)));
        assert_eq!(actions.of("nonsense"), None);
    }

    #[test]
    fn every_code_is_there_once_and_only_a_management_call_may_be_taken_for_one() {
        for known in &LOG_CODES {
            assert_eq!(LOG_CODES.iter().filter(|other| other.code == known.code).count(), 1, "{}", known.code);
            let offers = |wanted| known.choices().iter().any(|(_, action)| *action == wanted);
            assert!(offers(known.action) && offers(LogAction::Ignore), "{}", known.code);
            assert_eq!(offers(LogAction::Management), known.code == "sapi");
            assert_eq!(offers(LogAction::User), known.code != "sapi");
        }
    }
}
