//! `GetLastLogout`: when a subject last logged out, as a login action puts it into the next token.

use super::{Curfew, ServiceError};
use crate::domain::{ClientId, Cutoff, Instants, Mark, Revision, Scope, SubjectId};

/// Whose last logout is asked for.
#[derive(Debug, Clone)]
pub struct LastLogoutRequest {
    /// The issuer, by `iss` or name.
    pub issuer: String,
    /// The subject.
    pub subject: SubjectId,
    /// The client whose own logouts count too.
    pub client: Option<ClientId>,
    /// What the answer must include.
    pub min_revision: Revision,
}

/// When a subject last logged out.
#[derive(Debug, Clone, PartialEq)]
pub struct LastLogout {
    /// The latest logout. None: never.
    pub mark: Option<Mark>,
    /// The value of the last-logout claim, in the issuer's format; RFC 3339 where it has none.
    pub claim_value: serde_json::Value,
    /// What the answer includes.
    pub revision: Revision,
}

impl Curfew {
    /// Tells when a subject last logged out.
    ///
    /// # Errors
    /// [`ServiceError`] when it is not known.
    pub async fn last_logout(&self, request: &LastLogoutRequest) -> Result<LastLogout, ServiceError> {
        let issuer = self.issuers.meant("issuer", &request.issuer)?;
        let revision = self.reach(request.min_revision).await?;
        let iss = &issuer.rules.issuer;
        let mut cutoff = self.cutoff(&Scope::Subject(iss.clone(), request.subject.clone()))?;
        if let Some(client) = &request.client {
            let at_client = Scope::SubjectAtClient(iss.clone(), request.subject.clone(), client.clone());
            cutoff = cutoff.join(self.cutoff(&at_client)?);
        }
        let mark = cutoff.latest().map(|(mark, _)| mark);
        let format = issuer.rules.last_logout.as_ref().map_or(crate::token::ClaimFormat::Rfc3339, |claim| claim.format);
        Ok(LastLogout { mark, claim_value: format.write(mark.map(|mark| mark.logout_time)), revision })
    }

    /// The cutoff of one scope; the default one where there was no logout. Of most scopes the view knows that; only where
    /// there was one is the disk read for its reason.
    fn cutoff(&self, scope: &Scope) -> Result<Cutoff, ServiceError> {
        if self.instants(scope) == Instants::default() {
            return Ok(Cutoff::default());
        }
        Ok(self.store.get(scope)?.map(|record| record.cutoff).unwrap_or_default())
    }
}
