//! Secrets that callers share with Curfew: compared without telling how much of one was right, never shown.

use std::fmt;

use aws_lc_rs::{constant_time, digest};

/// A secret that callers share with Curfew.
#[derive(Clone)]
pub struct Secret(Box<str>);

impl Secret {
    /// This one.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// Whether somebody who says this knows the secret. Takes as long whatever they say, but for its length.
    #[must_use]
    pub fn is(&self, said: &str) -> bool {
        // Digests have one length, so that not even the secret's length can be told.
        let of = |text: &str| digest::digest(&digest::SHA256, text.as_bytes());
        constant_time::verify_slices_are_equal(of(&self.0).as_ref(), of(said).as_ref()).is_ok()
    }

    /// The secret, for whoever Curfew must say it to.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_secret_will_do() {
        let secret = Secret::new("correct horse battery");
        assert!(secret.is("correct horse battery"));
        for wrong in ["", "correct", "correct horse battery ", "correct horse batterz", "Correct horse battery"] {
            assert!(!secret.is(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn it_is_never_shown() {
        assert_eq!(format!("{:?}", Secret::new("correct horse")), "Secret(…)");
    }
}
