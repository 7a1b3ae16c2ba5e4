//! The decision's table, its whole matrix of timings, and its properties.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::{
    domain::{ClientId, Cutoff, Issuer, LogoutReason, Mark, SessionId, SubjectId, TokenId},
    token::{Algorithm, ClaimFormat, LastLogoutClaim, Verdict},
};

/// A second in 2026 in which nothing else happens.
pub(in crate::token) const T: i64 = 1_780_000_000_000;

pub(in crate::token) fn at(offset: i64) -> Timestamp {
    Timestamp::from_millis(T + offset).unwrap()
}

pub(in crate::token) fn rules() -> Rules {
    Rules {
        issuer: Issuer::parse("https://op.example").unwrap(),
        algorithms: vec![Algorithm::Es256],
        audiences: vec!["https://api.example".to_owned(), "https://other.example".to_owned()],
        types: vec!["jwt".to_owned(), "at+jwt".to_owned()],
        leeway: Duration::from_secs(10),
        clock_skew: Duration::ZERO,
        max_token_lifetime: Duration::from_secs(86_400),
        last_logout: Some(LastLogoutClaim { name: "last_logout".into(), format: ClaimFormat::Rfc3339 }),
        claim_ahead: ClaimAhead::Accept,
        session_claim: Some("sid".to_owned()),
    }
}

/// A token issued at `T` for an hour.
fn claims() -> Claims {
    Claims {
        issuer: rules().issuer,
        subject: Some(SubjectId::parse("ann").unwrap()),
        audiences: vec!["https://api.example".to_owned()],
        expires: Some(NumericDate(at(3_600_000))),
        not_before: None,
        issued_at: Some(NumericDate(at(0))),
        authenticated_at: None,
        token_id: Some(TokenId::parse("jti").unwrap()),
        session_id: Some(SessionId::parse("sid").unwrap()),
        client_id: Some(ClientId::parse("app").unwrap()),
        last_logout: LastLogout::Absent,
    }
}

fn cutoff(offset: i64, kind: Kind, reauthenticate: bool) -> Instants {
    let mark = Mark { logout_time: at(offset), record_time: at(offset), reason: LogoutReason::UserLogout };
    Cutoff::of(mark, kind, reauthenticate).instants()
}

fn subject(cutoff: Instants) -> Cutoffs {
    Cutoffs { subject: cutoff, ..Cutoffs::default() }
}

fn verdict(claims: &Claims, cutoffs: &Cutoffs, rules: &Rules, now: i64) -> Verdict {
    decide(claims, cutoffs, rules, &[], at(now)).map_or_else(|refusal| refusal.verdict(), |_| Verdict::Valid)
}

#[test]
fn each_check_of_the_token_itself_has_its_verdict() {
    type Change = fn(&mut Claims);
    let cases: [(Change, Verdict); 15] = [
        (|_| (), Verdict::Valid),
        (|c| c.subject = None, Verdict::MissingClaim),
        (|c| c.expires = None, Verdict::MissingClaim),
        (|c| c.issued_at = None, Verdict::MissingClaim),
        (|c| c.audiences.clear(), Verdict::MissingClaim),
        // Expired by exactly the leeway, and one millisecond less. The present is T + 1 s.
        (|c| c.expires = Some(NumericDate(at(-9_000))), Verdict::Expired),
        (
            |c| (c.expires, c.issued_at) = (Some(NumericDate(at(-8_999))), Some(NumericDate(at(-60_000)))),
            Verdict::Valid,
        ),
        (|c| c.not_before = Some(NumericDate(at(11_001))), Verdict::NotYetValid),
        (|c| c.not_before = Some(NumericDate(at(11_000))), Verdict::Valid),
        (|c| c.issued_at = Some(NumericDate(at(11_001))), Verdict::IssuedInFuture),
        (|c| c.issued_at = Some(NumericDate(at(11_000))), Verdict::Valid),
        (|c| c.audiences = vec!["https://nobody.example".to_owned()], Verdict::WrongAudience),
        (|c| c.last_logout = LastLogout::WrongUnit("seconds", "milliseconds"), Verdict::ImpossibleClaim),
        (|c| c.expires = Some(NumericDate(at(86_400_000))), Verdict::Valid),
        (|c| c.expires = Some(NumericDate(at(86_400_001))), Verdict::LifetimeTooLong),
    ];
    for (index, (change, expected)) in cases.into_iter().enumerate() {
        let mut claims = claims();
        change(&mut claims);
        assert_eq!(verdict(&claims, &Cutoffs::default(), &rules(), 1_000), expected, "case {index}");
    }
}

#[test]
fn a_caller_may_narrow_the_audiences_and_never_widen_them() {
    let decide_for = |asked: &[&str]| {
        let asked: Vec<String> = asked.iter().map(ToString::to_string).collect();
        decide(&claims(), &Cutoffs::default(), &rules(), &asked, at(0)).map_err(|refusal| refusal.verdict())
    };
    assert!(decide_for(&["https://api.example"]).is_ok());
    assert!(decide_for(&["https://other.example", "https://api.example"]).is_ok());
    assert_eq!(decide_for(&["https://other.example"]), Err(Verdict::WrongAudience));
    let mut foreign = claims();
    foreign.audiences = vec!["https://foreign.example".to_owned()];
    let asked = ["https://foreign.example".to_owned()];
    let refused = decide(&foreign, &Cutoffs::default(), &rules(), &asked, at(0)).unwrap_err();
    assert_eq!(refused.verdict(), Verdict::WrongAudience);
}

#[test]
fn each_scope_has_its_verdict_and_the_first_in_order_decides() {
    let dead = cutoff(5_000, Kind::Live, false);
    let mut cutoffs = Cutoffs { issuer: dead, ..Cutoffs::default() };
    let mut check = |set: fn(&mut Cutoffs, Instants), expected| {
        set(&mut cutoffs, dead);
        assert_eq!(verdict(&claims(), &cutoffs, &rules(), 6_000), expected);
    };
    check(|c, dead| c.issuer = dead, Verdict::IssuerRevoked);
    check(|c, dead| c.key = dead, Verdict::KeyRevoked);
    check(|c, dead| c.client = dead, Verdict::ClientRevoked);
    check(|c, dead| c.subject_at_client = dead, Verdict::SubjectLoggedOut);
    check(|c, dead| c.subject = dead, Verdict::SubjectLoggedOut);
    check(|c, dead| c.session = dead, Verdict::SessionLoggedOut);
    check(|c, dead| c.token = dead, Verdict::TokenRevoked);
    // Both expired and revoked: expired.
    assert_eq!(verdict(&claims(), &cutoffs, &rules(), 9_000_000), Verdict::Expired);
}

#[test]
fn a_session_and_a_token_are_dead_whenever_they_were_named() {
    let long_before = cutoff(-1_000_000, Kind::Late, false);
    let named = Cutoffs { session: long_before, ..Cutoffs::default() };
    assert_eq!(verdict(&claims(), &named, &rules(), 0), Verdict::SessionLoggedOut);
    let named = Cutoffs { token: long_before, ..Cutoffs::default() };
    assert_eq!(verdict(&claims(), &named, &rules(), 0), Verdict::TokenRevoked);
}

#[test]
fn the_last_logout_claim_says_nothing_of_clients_keys_and_issuers() {
    let mut knowing = claims();
    knowing.last_logout = LastLogout::At(at(500));
    let dead = cutoff(400, Kind::Live, false);
    for cutoffs in [
        Cutoffs { client: dead, ..Cutoffs::default() },
        Cutoffs { key: dead, ..Cutoffs::default() },
        Cutoffs { issuer: dead, ..Cutoffs::default() },
    ] {
        assert_ne!(verdict(&knowing, &cutoffs, &rules(), 1_000), Verdict::Valid);
    }
    assert_eq!(verdict(&knowing, &subject(dead), &rules(), 1_000), Verdict::Valid);
}

#[test]
fn a_compromised_key_is_dead_whatever_iat_says() {
    let mut later = claims();
    later.issued_at = Some(NumericDate(at(5_000)));
    let revoked = |compromised| Cutoffs { key: cutoff(500, Kind::Live, compromised), ..Cutoffs::default() };
    assert_eq!(verdict(&later, &revoked(false), &rules(), 6_000), Verdict::Valid);
    assert_eq!(verdict(&later, &revoked(true), &rules(), 6_000), Verdict::KeyRevoked);
}

#[test]
fn a_claim_from_the_future_of_its_own_token_is_impossible() {
    let with = |claim, issued| {
        let mut token = claims();
        (token.last_logout, token.issued_at) = (LastLogout::At(at(claim)), Some(NumericDate(at(issued))));
        verdict(&token, &Cutoffs::default(), &rules(), 30_000)
    };
    // A whole-second `iat` reaches to the end of its second; then the leeway of 10 s.
    assert_eq!(with(10_999, 0), Verdict::Valid);
    assert_eq!(with(11_000, 0), Verdict::ImpossibleClaim);
    // A fractional one is as it is.
    assert_eq!(with(10_001, 1), Verdict::Valid);
    assert_eq!(with(10_002, 1), Verdict::ImpossibleClaim);
}

#[test]
fn a_claim_ahead_of_the_store_is_reported_and_refused_where_configured() {
    let mut ahead = claims();
    ahead.last_logout = LastLogout::At(at(-1_000));
    let behind = subject(cutoff(-1_001, Kind::Live, false));
    assert_eq!(decide(&ahead, &behind, &rules(), &[], at(0)), Ok(Standing { claim_ahead: true }));
    assert_eq!(decide(&ahead, &Cutoffs::default(), &rules(), &[], at(0)), Ok(Standing { claim_ahead: true }));
    let level = subject(cutoff(-1_000, Kind::Live, false));
    assert_eq!(decide(&ahead, &level, &rules(), &[], at(0)), Ok(Standing { claim_ahead: false }));
    let strict = Rules { claim_ahead: ClaimAhead::Refuse, ..rules() };
    assert_eq!(verdict(&ahead, &behind, &strict, 0), Verdict::ImpossibleClaim);
    assert_eq!(verdict(&ahead, &level, &strict, 0), Verdict::Valid);
}

#[test]
fn a_late_logout_never_hides_an_earlier_live_one() {
    // Issued after both, but by an issuer that knew of neither: the live one settles it.
    let mut ignorant = claims();
    (ignorant.last_logout, ignorant.issued_at) = (LastLogout::At(at(-60_000)), Some(NumericDate(at(3_000))));
    let live = cutoff(1_000, Kind::Live, false);
    let late = cutoff(2_000, Kind::Late, false);
    assert_eq!(verdict(&ignorant, &subject(late), &rules(), 4_000), Verdict::Valid);
    assert_eq!(verdict(&ignorant, &subject(live), &rules(), 4_000), Verdict::SubjectLoggedOut);
    assert_eq!(verdict(&ignorant, &subject(live.join(late)), &rules(), 4_000), Verdict::SubjectLoggedOut);
}

#[test]
fn a_null_claim_is_before_every_logout_and_no_clock_is_asked_for_a_live_one() {
    // The issuer's clock is three seconds ahead, so that by `iat` the token seems to be issued after the logout.
    let mut first = claims();
    (first.last_logout, first.issued_at) = (LastLogout::Never, Some(NumericDate(at(3_000))));
    assert_eq!(verdict(&first, &Cutoffs::default(), &rules(), 0), Verdict::Valid);
    assert_eq!(verdict(&first, &subject(cutoff(500, Kind::Live, false)), &rules(), 600), Verdict::SubjectLoggedOut);
    assert_eq!(verdict(&first, &subject(cutoff(500, Kind::Late, false)), &rules(), 600), Verdict::Valid);
    assert_eq!(verdict(&first, &subject(cutoff(3_000, Kind::Late, false)), &rules(), 600), Verdict::SubjectLoggedOut);
}

/// One point of the matrix: what really happened, in milliseconds after `T`.
#[derive(Debug, Clone, Copy)]
struct Story {
    /// When the user logged out.
    logout: i64,
    /// When Curfew learned of it: the same for a live logout.
    learned: i64,
    /// When the token was issued.
    issued: i64,
    /// When its user authenticated.
    authenticated: i64,
    /// Whether the issuer asks Curfew for the last logout, and puts it into a claim.
    claim: bool,
    /// Whether its `iat` and `auth_time` have fractions.
    fractional: bool,
    /// `clock_skew`, in seconds.
    skew: u64,
    /// Whether the logout ended the authentication.
    reauthenticate: bool,
}

impl Story {
    fn is_live(self) -> bool {
        self.logout == self.learned
    }

    /// What the token would say, and what Curfew says to it.
    fn verdict(self) -> Verdict {
        let date = |offset: i64| NumericDate(if self.fractional { at(offset) } else { at(offset).start_of_second() });
        let mut token = claims();
        token.issued_at = Some(date(self.issued));
        token.authenticated_at = Some(date(self.authenticated));
        // Before the story there was a logout an hour ago, so that the claim is there on either side of the new one.
        let hour_ago = at(-3_600_000);
        if self.claim {
            let known = if self.issued > self.learned { at(self.logout) } else { hour_ago };
            token.last_logout = LastLogout::At(known);
        }
        let kind = if self.is_live() { Kind::Live } else { Kind::Late };
        let cutoff = cutoff(-3_600_000, Kind::Live, false).join(cutoff(self.logout, kind, self.reauthenticate));
        let rules = Rules { clock_skew: Duration::from_secs(self.skew), ..rules() };
        verdict(&token, &subject(cutoff), &rules, self.issued.max(self.learned) + 1)
    }

    /// What the table in this module's documentation promises, said in terms of what happened.
    fn expected(self) -> Verdict {
        let skew = i64::try_from(self.skew).unwrap() * 1000;
        let seen = |moment: i64| if self.fractional { moment } else { moment - moment.rem_euclid(1000) };
        let cutoff = self.logout + skew;
        let provably_issued_after = seen(self.issued) > cutoff;
        let knew = self.claim && self.issued > self.learned;
        let issued_after = if self.claim && !knew && self.is_live() { false } else { knew || provably_issued_after };
        let tie = seen(self.authenticated).rem_euclid(1000) == 0
            && seen(self.authenticated) == cutoff - cutoff.rem_euclid(1000);
        let authenticated_after = seen(self.authenticated) > cutoff || tie;
        if issued_after && (!self.reauthenticate || authenticated_after) {
            Verdict::Valid
        } else {
            Verdict::SubjectLoggedOut
        }
    }
}

/// Every combination, around a logout in the middle of a second, at its beginning and at its end.
fn matrix() -> Vec<Story> {
    let mut stories = Vec::new();
    for logout in [500, 0, 999] {
        for learned in [logout, logout + 4_000] {
            for issued in [-2_000, -501, -1, 1, 2, 250, 499, 500, 501, 1_000, 2_500, 3_999, 4_000, 4_001, 7_000] {
                for authenticated in [-60_000, -1_000, -1, 0] {
                    for bits in 0..8_u8 {
                        for skew in [0, 1, 5] {
                            stories.push(Story {
                                logout,
                                learned,
                                issued: logout + issued,
                                // Zero: a real authentication just before the token was issued.
                                authenticated: if authenticated == 0 {
                                    logout + issued
                                } else {
                                    logout + authenticated
                                },
                                claim: bits & 1 != 0,
                                fractional: bits & 2 != 0,
                                skew,
                                reauthenticate: bits & 4 != 0,
                            });
                        }
                    }
                }
            }
        }
    }
    stories
}

#[test]
fn the_whole_matrix_of_timings_is_as_the_table_says() {
    let stories = matrix();
    assert_eq!(stories.len(), 3 * 2 * 15 * 4 * 8 * 3);
    for story in stories {
        assert_eq!(story.verdict(), story.expected(), "{story:?}");
    }
}

#[test]
fn no_token_issued_before_a_logout_is_ever_honoured() {
    for story in matrix().into_iter().filter(|story| story.issued <= story.logout) {
        assert_eq!(story.verdict(), Verdict::SubjectLoggedOut, "{story:?}");
    }
}

#[test]
fn with_the_claim_no_fresh_login_is_refused_not_even_in_the_same_millisecond_s_second() {
    let fresh = |story: &Story| story.claim && story.issued > story.learned;
    for story in matrix().into_iter().filter(fresh) {
        // Where the authentication was ended, a real one is needed, and `clock_skew` is waited out for it.
        if !story.reauthenticate || story.skew == 0 && story.authenticated == story.issued {
            assert_eq!(story.verdict(), Verdict::Valid, "{story:?}");
        }
    }
}

#[test]
fn with_settling_no_fresh_login_is_refused() {
    for story in matrix() {
        // `RecordLogout` answers once the next whole second after the cutoff and the skew has begun.
        let cutoff = story.logout + i64::try_from(story.skew).unwrap() * 1000;
        let answered = (cutoff - cutoff.rem_euclid(1000) + 1000).max(story.learned);
        for later in [0, 1, 999, 1000] {
            let issued = answered + later;
            let settled = Story { issued, authenticated: issued, claim: false, ..story };
            assert_eq!(settled.verdict(), Verdict::Valid, "{settled:?}");
        }
    }
}

#[test]
fn a_login_between_a_logout_and_curfew_s_learning_of_it_is_honoured() {
    for claim in [true, false] {
        let story = Story {
            logout: 500,
            learned: 60_000,
            issued: 2_000,
            authenticated: 2_000,
            claim,
            fractional: false,
            skew: 0,
            reauthenticate: true,
        };
        assert_eq!(story.verdict(), Verdict::Valid);
    }
}

#[test]
fn single_sign_on_lets_a_user_back_in_after_an_app_s_logout_and_not_after_the_provider_s() {
    let back = Story {
        logout: 500,
        learned: 500,
        issued: 2_000,
        authenticated: -60_000,
        claim: true,
        fractional: false,
        skew: 0,
        reauthenticate: LogoutReason::UserLogout.ends_authentication(),
    };
    assert_eq!(back.verdict(), Verdict::Valid);
    let provider = Story { reauthenticate: LogoutReason::ProviderLogout.ends_authentication(), ..back };
    assert_eq!(provider.verdict(), Verdict::SubjectLoggedOut);
    assert_eq!(Story { authenticated: 2_000, ..provider }.verdict(), Verdict::Valid);
}

#[test]
fn a_token_refreshed_after_the_provider_s_logout_is_refused_by_its_old_authentication() {
    let refreshed = Story {
        logout: 500,
        learned: 500,
        issued: 30_000,
        authenticated: -60_000,
        claim: true,
        fractional: true,
        skew: 0,
        reauthenticate: true,
    };
    assert_eq!(refreshed.verdict(), Verdict::SubjectLoggedOut);
    let without = Story { reauthenticate: false, ..refreshed };
    assert_eq!(without.verdict(), Verdict::Valid);
}

#[test]
fn an_auth_time_after_the_token_itself_is_not_believed() {
    let mut token = claims();
    (token.issued_at, token.authenticated_at) = (Some(NumericDate(at(0))), Some(NumericDate(at(86_400_000))));
    // Reported afterwards; by the claim the token knew of a logout as late as that, so that only `auth_time` is left.
    token.last_logout = LastLogout::At(at(2_000));
    let ended = subject(cutoff(2_000, Kind::Late, true));
    assert_eq!(verdict(&token, &ended, &rules(), 3_000), Verdict::SubjectLoggedOut);
}

#[test]
fn an_ambiguous_refusal_says_so() {
    let ambiguous = |offset: i64, skew: u64| {
        let rules = Rules { clock_skew: Duration::from_secs(skew), ..rules() };
        let refusal = decide(&claims(), &subject(cutoff(offset, Kind::Late, false)), &rules, &[], at(0)).unwrap_err();
        refusal.is_ambiguous()
    };
    assert!(ambiguous(0, 0) && ambiguous(998, 0) && !ambiguous(999, 0) && !ambiguous(1_500, 0));
    assert!(ambiguous(1_500, 1) && !ambiguous(1_999, 1));
}

fn any_cutoff() -> impl Strategy<Value = Instants> {
    let one = (-3_000_i64..3_000, any::<bool>(), any::<bool>())
        .prop_map(|(offset, live, reauth)| cutoff(offset, if live { Kind::Live } else { Kind::Late }, reauth));
    proptest::collection::vec(one, 0..4)
        .prop_map(|cutoffs| cutoffs.into_iter().fold(Instants::default(), Instants::join))
}

fn any_cutoffs() -> impl Strategy<Value = Cutoffs> {
    // Sessions and tokens are rarer, or hardly anything would be valid.
    let rare = || prop_oneof![4 => Just(Instants::default()), 1 => any_cutoff()];
    (rare(), rare(), any_cutoff(), any_cutoff(), rare(), rare(), rare()).prop_map(
        |(token, session, subject, subject_at_client, client, key, issuer)| Cutoffs {
            token,
            session,
            subject,
            subject_at_client,
            client,
            key,
            issuer,
        },
    )
}

fn any_claims() -> impl Strategy<Value = Claims> {
    let offset = -3_000_i64..6_000;
    (
        offset.clone(),
        proptest::option::of(offset.clone()),
        proptest::option::of(prop_oneof![1 => Just(0_i64), 3 => -4_000_i64..4_000]),
        any::<bool>(),
    )
        .prop_map(|(issued, authenticated, claim, whole)| {
            let date = |offset| NumericDate(if whole { at(offset).start_of_second() } else { at(offset) });
            Claims {
                issued_at: Some(date(issued)),
                authenticated_at: authenticated.map(date),
                last_logout: match claim {
                    None => LastLogout::Absent,
                    Some(0) => LastLogout::Never,
                    Some(claim) => LastLogout::At(at(claim)),
                },
                ..claims()
            }
        })
}

fn any_rules() -> impl Strategy<Value = Rules> {
    (0_u64..3, any::<bool>()).prop_map(|(skew, refuse)| Rules {
        clock_skew: Duration::from_secs(skew),
        claim_ahead: if refuse { ClaimAhead::Refuse } else { ClaimAhead::Accept },
        ..rules()
    })
}

fn join(a: &Cutoffs, b: &Cutoffs) -> Cutoffs {
    Cutoffs {
        token: a.token.join(b.token),
        session: a.session.join(b.session),
        subject: a.subject.join(b.subject),
        subject_at_client: a.subject_at_client.join(b.subject_at_client),
        client: a.client.join(b.client),
        key: a.key.join(b.key),
        issuer: a.issuer.join(b.issuer),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn recording_more_never_turns_a_refused_token_into_a_valid_one(
        token in any_claims(), before in any_cutoffs(), more in any_cutoffs(), rules in any_rules(),
    ) {
        let after = join(&before, &more);
        // `claim_ahead = "refuse"` alone can be cured by learning more: that is what it waits for.
        let before = decide(&token, &before, &rules, &[], at(6_000));
        let after = decide(&token, &after, &rules, &[], at(6_000));
        if matches!(before, Err(ref refusal) if refusal.verdict() != Verdict::ImpossibleClaim) {
            prop_assert!(after.is_err(), "{:?} became valid", before);
        }
    }

    #[test]
    fn a_token_is_honoured_if_and_only_if_each_logout_alone_would_let_it_pass(
        token in any_claims(), logouts in proptest::collection::vec((-3_000_i64..3_000, any::<bool>(), any::<bool>(), any::<bool>()), 0..6),
    ) {
        let rules = rules();
        let one = |(offset, live, reauth, at_client): (i64, bool, bool, bool)| {
            let cutoff = cutoff(offset, if live { Kind::Live } else { Kind::Late }, reauth);
            if at_client { Cutoffs { subject_at_client: cutoff, ..Cutoffs::default() } } else { subject(cutoff) }
        };
        let together = logouts.iter().fold(Cutoffs::default(), |all, logout| join(&all, &one(*logout)));
        let alone = logouts.iter().all(|logout| decide(&token, &one(*logout), &rules, &[], at(6_000)).is_ok())
            && decide(&token, &Cutoffs::default(), &rules, &[], at(6_000)).is_ok();
        prop_assert_eq!(decide(&token, &together, &rules, &[], at(6_000)).is_ok(), alone);
    }

    #[test]
    fn no_order_of_recording_matters(
        token in any_claims(), mut parts in proptest::collection::vec(any_cutoffs(), 0..5), rules in any_rules(),
    ) {
        let forwards = parts.iter().fold(Cutoffs::default(), |all, part| join(&all, part));
        parts.reverse();
        let backwards = parts.iter().fold(Cutoffs::default(), |all, part| join(&all, part));
        prop_assert_eq!(
            decide(&token, &forwards, &rules, &[], at(6_000)),
            decide(&token, &backwards, &rules, &[], at(6_000))
        );
    }

    #[test]
    fn a_refusal_is_always_explained(token in any_claims(), cutoffs in any_cutoffs(), rules in any_rules()) {
        if let Err(refusal) = decide(&token, &cutoffs, &rules, &[], at(6_000)) {
            prop_assert!(refusal.verdict() != Verdict::Valid);
            prop_assert!(refusal.to_string().ends_with('.'));
        }
    }
}
