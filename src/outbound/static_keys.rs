//! Keys that were read from a file at the start, and stay.

use std::{future::Future, pin::Pin, sync::Arc};

use crate::{
    domain::Timestamp,
    token::{KeySet, KeySource, KeysUnavailable},
};

/// Keys that never change.
pub struct StaticKeys(Arc<KeySet>);

impl StaticKeys {
    /// These keys.
    #[must_use]
    pub fn new(keys: KeySet) -> Self {
        Self(Arc::new(keys))
    }
}

impl KeySource for StaticKeys {
    fn current(&self, _now: Timestamp) -> Result<Arc<KeySet>, KeysUnavailable> {
        Ok(Arc::clone(&self.0))
    }

    fn is_current(&self, keys: &Arc<KeySet>, _now: Timestamp) -> Result<bool, KeysUnavailable> {
        Ok(Arc::ptr_eq(keys, &self.0))
    }

    fn look_again(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }

    fn are_complete(&self, _now: Timestamp) -> bool {
        true
    }

    fn has_key_ids(&self) -> bool {
        self.0.keys().iter().any(|key| key.id().is_some())
    }
}
