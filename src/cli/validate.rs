//! `curfew validate`: asks the service about a token, and explains the answer check by check.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use prost_types::{Struct, value::Kind};

use super::{
    Outcome, REFUSED,
    connect::{Connect, explain},
    input,
    output::{self, BAD, BOLD, DIM, GOOD, say},
};
use crate::transport::grpc::pb::{self, Verdict};

/// Ask whether a token is to be honoured, and why.
///
/// Exit code 0: it is honoured; 1: it is not; 2: the service could not be asked, or could not decide.
#[derive(Debug, Args)]
pub(super) struct Validate {
    /// The token, or - for standard input, which is also read when there is no argument.
    token: Option<String>,
    /// Read the token from a file.
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    file: Option<PathBuf>,
    /// An audience that the token must be for, besides being one of the issuer's; may be given several times.
    #[arg(long = "audience", value_name = "AUDIENCE")]
    audiences: Vec<String>,
    /// Answer from a state that includes this revision.
    #[arg(long, default_value_t = 0, value_name = "REVISION")]
    min_revision: u64,
    #[command(flatten)]
    connect: Connect,
}

/// The checks in their order: what is asked, and the verdicts of those that failed it.
const CHECKS: [(&str, &[Verdict]); 15] = [
    ("is a signed token", &[Verdict::Malformed]),
    ("issuer is configured", &[Verdict::UnknownIssuer]),
    ("algorithm is the issuer's", &[Verdict::AlgorithmNotAllowed]),
    ("key is the issuer's", &[Verdict::UnknownKey]),
    ("signature holds", &[Verdict::BadSignature]),
    ("claims are complete", &[Verdict::MissingClaim]),
    ("has not expired", &[Verdict::Expired]),
    ("has begun", &[Verdict::NotYetValid, Verdict::IssuedInFuture]),
    ("is for this audience", &[Verdict::WrongAudience]),
    ("last-logout claim is possible", &[Verdict::ImpossibleClaim]),
    ("lifetime is allowed", &[Verdict::LifetimeTooLong]),
    ("token is not revoked", &[Verdict::TokenRevoked]),
    ("session is not logged out", &[Verdict::SessionLoggedOut]),
    ("subject has not logged out since", &[Verdict::SubjectLoggedOut]),
    ("client, key and issuer stand", &[Verdict::ClientRevoked, Verdict::KeyRevoked, Verdict::IssuerRevoked]),
];

impl Validate {
    pub(super) async fn run(self) -> Outcome {
        let token = input::token(self.token.as_deref(), self.file.as_ref())?;
        let request = pb::ValidateTokenRequest {
            token,
            audiences: self.audiences,
            min_revision: self.min_revision,
            include_claims: true,
        };
        let response = self.connect.client().await?.validate_token(request).await;
        let response = response.map_err(|status| explain(&status))?.into_inner();
        if self.connect.json {
            output::json("ValidateTokenResponse", &response)?;
        } else {
            print(&response);
        }
        Ok(if response.valid { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) })
    }
}

fn print(response: &pb::ValidateTokenResponse) {
    let verdict = output::verdict(response.verdict);
    let style = if response.valid { GOOD } else { BAD };
    say!("{style}{verdict}{style:#}  {}", response.detail);
    if let Some(token) = &response.token {
        say!("\n{BOLD}Token{BOLD:#}");
        output::table(&token_rows(token));
    }
    if let Some(claims) = &response.claims {
        say!("\n{BOLD}Claims{BOLD:#}");
        output::table(&claim_rows(claims));
    }
    say!("\n{BOLD}Checks{BOLD:#}");
    print_checks(response);
    if let Some(logout) = &response.logout {
        say!("\n{BOLD}The logout that decided{BOLD:#}");
        output::table(&output::logout_rows(logout));
    }
    let last_logout = output::time(response.last_logout_time.as_ref());
    say!("\n{DIM}last logout of the subject {last_logout}, revision {}{DIM:#}", response.revision);
}

fn print_checks(response: &pb::ValidateTokenResponse) {
    let verdict = Verdict::try_from(response.verdict).unwrap_or_default();
    let mut failed = false;
    for (check, verdicts) in CHECKS {
        let (style, mark, outcome) = if failed {
            (DIM, "·", "not asked".to_owned())
        } else if verdicts.contains(&verdict) {
            failed = true;
            (BAD, "✗", output::verdict(response.verdict).to_owned())
        } else {
            (GOOD, "✓", String::new())
        };
        say!("  {style}{mark}{style:#} {check:<34}{style}{outcome}{style:#}");
    }
}

fn token_rows(token: &pb::TokenInfo) -> Vec<(&'static str, String)> {
    let text = |text: &str| if text.is_empty() { "–".to_owned() } else { text.to_owned() };
    vec![
        ("issuer", text(&token.issuer)),
        ("subject", text(&token.subject)),
        ("session", text(&token.session_id)),
        ("token id", text(&token.jti)),
        ("client", text(&token.client_id)),
        ("issued", output::time(token.issue_time.as_ref())),
        ("expires", output::time(token.expire_time.as_ref())),
    ]
}

fn claim_rows(claims: &Struct) -> Vec<(&str, String)> {
    claims.fields.iter().map(|(name, value)| (name.as_str(), shown(value))).collect()
}

/// A claim's value on one line. Control characters are escaped: it is somebody else's text on our terminal.
fn shown(value: &prost_types::Value) -> String {
    match &value.kind {
        None | Some(Kind::NullValue(_)) => "null".to_owned(),
        Some(Kind::BoolValue(value)) => value.to_string(),
        Some(Kind::NumberValue(number)) => number.to_string(),
        Some(Kind::StringValue(text)) => format!("{text:?}"),
        Some(Kind::ListValue(list)) => {
            let items: Vec<String> = list.values.iter().map(shown).collect();
            format!("[{}]", items.join(", "))
        }
        Some(Kind::StructValue(object)) => {
            let members = object.fields.iter().map(|(name, value)| format!("{name:?}: {}", shown(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
    }
}
