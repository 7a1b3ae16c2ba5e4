//! `curfew.v1.AdminService`: what operators ask.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::{
    convert::timestamp,
    pb::{self, admin_service_server::AdminService},
};
use crate::{
    domain::Source,
    service::{Curfew, DeadLetter},
};

/// The door for operators.
pub(super) struct AdminServer(pub(super) Arc<Curfew>);

#[tonic::async_trait]
impl AdminService for AdminServer {
    async fn list_dead_letters(
        &self,
        _request: Request<pb::ListDeadLettersRequest>,
    ) -> Result<Response<pb::ListDeadLettersResponse>, Status> {
        let dead_letters = self.0.dead_letters().list().into_iter().map(dead_letter).collect();
        Ok(Response::new(pb::ListDeadLettersResponse { dead_letters }))
    }
}

fn dead_letter(letter: DeadLetter) -> pb::DeadLetter {
    let DeadLetter { time, source, issuer, id, event, why } = letter;
    pb::DeadLetter {
        receive_time: Some(timestamp(time)),
        source: event_source(source).into(),
        issuer,
        event_id: id,
        event_type: event,
        detail: why,
    }
}

const fn event_source(source: Source) -> pb::EventSource {
    match source {
        Source::Grpc => pb::EventSource::Grpc,
        Source::Json => pb::EventSource::Json,
        Source::BackchannelLogout => pb::EventSource::BackchannelLogout,
        Source::Auth0Stream => pb::EventSource::Auth0Stream,
        Source::Auth0Poll => pb::EventSource::Auth0Poll,
        Source::SecurityEventPush => pb::EventSource::SecurityEventPush,
        Source::SecurityEventPoll => pb::EventSource::SecurityEventPoll,
        Source::GlobalTokenRevocation => pb::EventSource::GlobalTokenRevocation,
        Source::TokenRevocation => pb::EventSource::TokenRevocation,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_has_a_name_of_its_own_on_the_wire_as_in_the_log() {
        for source in Source::ALL {
            let name = event_source(source).as_str_name().strip_prefix("EVENT_SOURCE_").unwrap();
            assert_eq!(name.to_lowercase().replace('_', "-"), source.name());
        }
    }
}
