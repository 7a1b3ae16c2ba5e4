//! `curfew logout`: records a logout.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, ValueEnum};
use prost_types::Timestamp as ProtoTimestamp;

use super::{
    Failure, Outcome,
    connect::{Connect, explain},
    input,
    output::{self, DIM, GOOD, say},
};
use crate::{
    domain::Timestamp,
    transport::grpc::pb::{self, record_logout_request::Target},
};

/// Record a logout: of a user, a session, a token, a client, a signing key or an issuer.
///
/// Answers when it is durable. Examples:
///   curfew logout --subject ann
///   curfew logout --subject ann --client shop --reason user-logout
///   curfew logout --session 5f3c --issuer acme
///   curfew logout --token -            (the user's own token, on standard input)
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Logout {
    /// The issuer, by iss or by name; may be left out where one is configured.
    #[arg(long, default_value = "", value_name = "ISSUER")]
    issuer: String,
    /// The user's `sub`. With --session: whose session it is.
    #[arg(long, value_name = "SUB")]
    subject: Option<String>,
    /// The client: with --subject only that user's tokens there, alone all of its tokens.
    #[arg(long, value_name = "CLIENT_ID")]
    client: Option<String>,
    /// A session's id.
    #[arg(long, value_name = "SID", conflicts_with = "client")]
    session: Option<String>,
    /// A token's `jti`.
    #[arg(long, value_name = "JTI", conflicts_with_all = ["subject", "client", "session"])]
    token_id: Option<String>,
    /// A signing key's `kid`.
    #[arg(long, value_name = "KID", conflicts_with_all = ["subject", "client", "session", "token_id"])]
    key: Option<String>,
    /// Everybody at the issuer.
    #[arg(long, conflicts_with_all = ["subject", "client", "session", "token_id", "key"])]
    everybody: bool,
    /// The user's own token, or - for standard input.
    #[arg(long, value_name = "TOKEN", conflicts_with_all = ["issuer", "subject", "client", "session", "token_id", "key", "everybody"])]
    token: Option<String>,
    /// Read the user's own token from a file.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["token", "issuer", "subject", "client", "session", "token_id", "key", "everybody"])]
    token_file: Option<PathBuf>,
    /// What the user's own token stands for.
    #[arg(long, value_enum, value_name = "SCOPE")]
    token_scope: Option<Scope>,
    /// When it happened, if not now: RFC 3339, or seconds since 1970.
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
    /// Why.
    #[arg(long, value_enum, default_value_t = Reason::Administrator)]
    reason: Reason,
    /// Whether the user must really authenticate again. Default: by the reason.
    #[arg(long, value_name = "BOOL")]
    reauthenticate: Option<bool>,
    /// Answer only when the next whole second has begun.
    #[arg(long)]
    settle: bool,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Scope {
    Subject,
    Session,
    Token,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Reason {
    Unspecified,
    UserLogout,
    ProviderLogout,
    Administrator,
    CredentialChange,
    Compromise,
    AccountDisabled,
}

impl Logout {
    pub(super) async fn run(self) -> Outcome {
        let request = self.request()?;
        let response = self.connect.client().await?.record_logout(request).await;
        let response = response.map_err(|status| explain(&status))?.into_inner();
        if self.connect.json {
            output::json("RecordLogoutResponse", &response)?;
        } else {
            let (word, meaning) = if response.advanced {
                ("recorded", "durable; every token that it covers is refused from now on")
            } else {
                ("already known", "a logout at that instant or later was in force")
            };
            say!("{GOOD}{word}{GOOD:#}  {meaning}");
            output::table(&response.logout.as_ref().map(output::logout_rows).unwrap_or_default());
            say!("{DIM}revision {}{DIM:#}", response.revision);
        }
        Ok(ExitCode::SUCCESS)
    }

    fn request(&self) -> Result<pb::RecordLogoutRequest, Failure> {
        let token_scope = match self.token_scope {
            None => pb::TokenScope::Unspecified,
            Some(Scope::Subject) => pb::TokenScope::Subject,
            Some(Scope::Session) => pb::TokenScope::Session,
            Some(Scope::Token) => pb::TokenScope::Token,
        };
        Ok(pb::RecordLogoutRequest {
            target: Some(self.target()?),
            token_scope: token_scope.into(),
            logout_time: self.time.as_deref().map(time).transpose()?,
            reason: self.reason.number(),
            reauthenticate: self.reauthenticate,
            settle: self.settle.then_some(true),
        })
    }

    fn target(&self) -> Result<Target, Failure> {
        let issuer = self.issuer.clone();
        if self.token.is_some() || self.token_file.is_some() {
            return Ok(Target::Token(input::token(self.token.as_deref(), self.token_file.as_ref())?));
        }
        if self.everybody {
            return Ok(Target::Issuer(pb::Issuer { issuer }));
        }
        if let Some(kid) = self.key.clone() {
            return Ok(Target::Key(pb::Key { issuer, kid }));
        }
        if let Some(jti) = self.token_id.clone() {
            return Ok(Target::TokenId(pb::TokenId { issuer, jti }));
        }
        match (self.session.clone(), self.subject.clone(), self.client.clone()) {
            (Some(session_id), subject, _) => {
                Ok(Target::Session(pb::Session { issuer, session_id, subject: subject.unwrap_or_default() }))
            }
            (None, Some(subject), client) => {
                Ok(Target::Subject(pb::Subject { issuer, subject, client_id: client.unwrap_or_default() }))
            }
            (None, None, Some(client_id)) => Ok(Target::Client(pb::Client { issuer, client_id })),
            (None, None, None) => Err(Failure(
                "whose logout? Name one: --subject, --session, --token-id, --client, --key, --everybody, --token or \
                 --token-file"
                    .to_owned(),
            )),
        }
    }
}

impl Reason {
    fn number(self) -> i32 {
        match self {
            Self::Unspecified => pb::LogoutReason::Unspecified,
            Self::UserLogout => pb::LogoutReason::UserLogout,
            Self::ProviderLogout => pb::LogoutReason::ProviderLogout,
            Self::Administrator => pb::LogoutReason::Administrator,
            Self::CredentialChange => pb::LogoutReason::CredentialChange,
            Self::Compromise => pb::LogoutReason::Compromise,
            Self::AccountDisabled => pb::LogoutReason::AccountDisabled,
        }
        .into()
    }
}

/// A time as people write it. Whether it is plausible, the service says.
fn time(text: &str) -> Result<ProtoTimestamp, Failure> {
    if let Ok(seconds) = text.parse() {
        return Ok(ProtoTimestamp { seconds, nanos: 0 });
    }
    let at = Timestamp::parse_rfc3339(text).map_err(|error| Failure(format!("--time {text:?}: {error}")))?;
    let nanos = i32::try_from(at.as_millis().rem_euclid(1000) * 1_000_000).unwrap_or_default();
    Ok(ProtoTimestamp { seconds: at.as_millis().div_euclid(1000), nanos })
}
