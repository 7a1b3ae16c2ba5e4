//! The calls, whichever door they come through: from the protocol's messages to the service and back.

use std::{sync::Arc, time::Instant};

use super::{convert, fields, lean::token_request, pb};
use crate::{
    domain::{ClientId, Clock, Revision, Source, SubjectId},
    service::{Call, Curfew, LastLogoutRequest, LogoutRequest, ServiceError, event_time},
};

/// The calls.
pub struct Calls {
    curfew: Arc<Curfew>,
    clock: Arc<dyn Clock>,
}

impl Calls {
    /// Of this service, by this clock.
    #[must_use]
    pub fn new(curfew: Arc<Curfew>, clock: Arc<dyn Clock>) -> Self {
        Self { curfew, clock }
    }

    /// The service.
    #[must_use]
    pub const fn curfew(&self) -> &Arc<Curfew> {
        &self.curfew
    }

    /// `RecordLogout`.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn record_logout(
        &self,
        request: pb::RecordLogoutRequest,
        source: Source,
    ) -> Result<pb::RecordLogoutResponse, ServiceError> {
        let began = Instant::now();
        let logout_time = match request.logout_time {
            Some(time) => Some(event_time(time.seconds, time.nanos, self.clock.now())?),
            None => None,
        };
        let request = LogoutRequest {
            target: fields::target(request.target, request.token_scope)?,
            logout_time,
            reason: fields::reason(request.reason)?,
            source,
            reauthenticate: request.reauthenticate,
            settle: request.settle,
        };
        let recorded = self.curfew.record_logout(request).await?;
        self.curfew.answered(Call::RecordLogout, began.elapsed());
        Ok(convert::recorded(&recorded))
    }

    /// `GetLastLogout`.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn get_last_logout(
        &self,
        request: pb::GetLastLogoutRequest,
    ) -> Result<pb::GetLastLogoutResponse, ServiceError> {
        let began = Instant::now();
        let request = LastLogoutRequest {
            issuer: fields::issuer("issuer", request.issuer)?,
            subject: fields::required("subject", &request.subject, SubjectId::parse)?,
            client: fields::optional("client_id", &request.client_id, ClientId::parse)?,
            min_revision: Revision(request.min_revision),
        };
        let last = self.curfew.last_logout(&request).await?;
        self.curfew.answered(Call::GetLastLogout, began.elapsed());
        Ok(convert::last_logout(last))
    }

    /// `ValidateToken`.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn validate_token(
        &self,
        request: pb::ValidateTokenRequest,
    ) -> Result<pb::ValidateTokenResponse, ServiceError> {
        let began = Instant::now();
        let request =
            token_request(request.token.as_bytes(), &request.audiences, request.min_revision, request.include_claims)?;
        let answer = self.curfew.validate_token(&request).await?;
        self.curfew.answered(Call::ValidateToken, began.elapsed());
        Ok(convert::answer(answer))
    }
}
