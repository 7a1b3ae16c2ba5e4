//! Tokens with each fault of form, key and signature; published vectors are in `tests/it`.

use serde_json::json;

use super::*;
use crate::token::{Minter, Verdict, decide::tests::rules, key_set_from_jwks};

struct Setup {
    minter: Minter,
    keys: KeySet,
}

fn setup() -> Setup {
    let minter = Minter::generate("k1").unwrap();
    let keys = key_set_from_jwks(minter.jwks().to_string().as_bytes(), &rules().algorithms).unwrap();
    Setup { minter, keys }
}

fn verdict(raw_token: &str, keys: &KeySet) -> Verdict {
    let verified =
        Compact::parse(raw_token).map_err(Refusal::Malformed).and_then(|compact| verify(&compact, &rules(), keys));
    verified.map_or_else(|refusal| refusal.verdict(), |_| Verdict::Valid)
}

#[test]
fn a_signed_token_is_read() {
    let Setup { minter, keys } = setup();
    let raw = minter.sign(&json!({"iss": "https://op.example", "sub": "ann", "azp": "app"})).unwrap();
    let token = verify(&Compact::parse(&raw).unwrap(), &rules(), &keys).unwrap();
    assert_eq!(token.claims.subject.unwrap().as_str(), "ann");
    assert_eq!(token.claims.client_id.unwrap().as_str(), "app");
    assert_eq!(token.key_id.unwrap().as_str(), "k1");
}

#[test]
fn a_single_changed_bit_anywhere_is_refused() {
    let Setup { minter, keys } = setup();
    let raw = minter.sign(&json!({"iss": "https://op.example", "sub": "ann"})).unwrap();
    assert_eq!(verdict(&raw, &keys), Verdict::Valid);
    for position in 0..raw.len() {
        for bit in 0..7 {
            let mut bytes = raw.clone().into_bytes();
            bytes[position] ^= 1 << bit;
            let changed = String::from_utf8(bytes).unwrap();
            assert_ne!(verdict(&changed, &keys), Verdict::Valid, "bit {bit} of byte {position}");
        }
    }
}

#[test]
fn another_key_of_the_same_name_is_refused() {
    let raw = setup().minter.sign(&json!({"iss": "https://op.example"})).unwrap();
    assert_eq!(verdict(&raw, &setup().keys), Verdict::BadSignature);
}

#[test]
fn a_token_without_kid_means_the_only_key() {
    let Setup { minter, keys } = setup();
    let raw = minter.sign(&json!({"iss": "https://op.example"})).unwrap();
    let other = Minter::generate("k2").unwrap();
    let mut both = minter.jwks();
    both["keys"].as_array_mut().unwrap().push(other.jwks()["keys"][0].clone());
    let both = key_set_from_jwks(both.to_string().as_bytes(), &rules().algorithms).unwrap();
    let algorithm = rules().algorithms[0];
    assert_eq!(keys.candidates(None, algorithm).count(), 1);
    assert_eq!(both.candidates(None, algorithm).count(), 0);
    assert_eq!(both.candidates(Some("k2"), algorithm).count(), 1);
    assert_eq!(both.candidates(Some("k3"), algorithm).count(), 0);
    assert_eq!(verdict(&raw, &both), Verdict::Valid);
    // Keys without names can only be tried.
    let mut nameless = minter.jwks();
    nameless["keys"].as_array_mut().unwrap().push(other.jwks()["keys"][0].clone());
    for key in nameless["keys"].as_array_mut().unwrap() {
        key.as_object_mut().unwrap().remove("kid");
    }
    let nameless = key_set_from_jwks(nameless.to_string().as_bytes(), &rules().algorithms).unwrap();
    assert_eq!(nameless.candidates(None, algorithm).count(), 2);
    assert_eq!(nameless.candidates(Some("k1"), algorithm).count(), 2);
}
