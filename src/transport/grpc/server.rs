//! The RPCs, and the services that go with them on the same port: health and reflection.

use std::sync::Arc;

use tonic::{
    Request, Response, Status, Streaming,
    service::{Routes, RoutesBuilder},
};
use tonic_health::{
    ServingStatus,
    pb::health_server::HealthServer,
    server::{HealthReporter, HealthService},
};

use super::{
    Admission, FILE_DESCRIPTOR_SET, SERVICE_NAME, STREAM,
    admin::AdminServer,
    admission::Bounded,
    arriving::Prompt,
    calls::Calls,
    known::Known,
    pb::{
        self,
        admin_service_server::AdminServiceServer,
        revocation_service_server::{RevocationService, RevocationServiceServer},
    },
    status::failed,
};
use crate::{
    domain::{Clock, Source},
    service::Curfew,
};

/// What the library reads before it gives up on a request; the codec refuses sooner, and says so better.
const MOST_BYTES_READ: usize = 4 << 20;

/// The gRPC door.
pub struct RevocationServer {
    calls: Calls,
}

impl RevocationServer {
    /// The door of a service.
    #[must_use]
    pub fn new(curfew: Arc<Curfew>, clock: Arc<dyn Clock>) -> Self {
        Self { calls: Calls::new(curfew, clock) }
    }

    /// Everything on the port: this service and that of operators, bounded, health and, if wanted, reflection.
    ///
    /// # Errors
    /// When the compiled protocol is damaged.
    pub fn routes(
        self,
        health: &Health,
        admission: Arc<Admission>,
        reflection: bool,
    ) -> Result<Routes, tonic_reflection::server::Error> {
        let mut routes = RoutesBuilder::default();
        let curfew = Arc::clone(self.calls.curfew());
        let admin = AdminServer(Arc::clone(&curfew));
        let ours = RevocationServiceServer::new(self).max_decoding_message_size(MOST_BYTES_READ);
        let ours = Known::new(ours, curfew, Arc::clone(&admission));
        routes.add_service(Bounded::new(ours, Arc::clone(&admission), STREAM));
        let admin = Prompt::new(AdminServiceServer::new(admin), Arc::clone(&admission));
        routes.add_service(Bounded::new(admin, Arc::clone(&admission), STREAM));
        let health = HealthServer::new(HealthService::from_health_reporter(health.0.clone()));
        routes.add_service(Prompt::new(health, Arc::clone(&admission)));
        if reflection {
            let configured = || {
                tonic_reflection::server::Builder::configure()
                    .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
                    .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
                    // The details of errors, so that a generic client can show them.
                    .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
            };
            routes.add_service(Prompt::new(configured().build_v1()?, Arc::clone(&admission)));
            routes.add_service(Prompt::new(configured().build_v1alpha()?, admission));
        }
        Ok(routes.routes())
    }
}

/// Says through `grpc.health.v1` how the service is.
#[derive(Clone)]
pub struct Health(HealthReporter);

impl Health {
    /// Not serving until it is told so.
    pub async fn new() -> Self {
        let health = Self(HealthReporter::new());
        health.set_ready(false).await;
        health
    }

    /// Whether calls will be answered: the service's own name.
    pub async fn set_ready(&self, ready: bool) {
        self.set(SERVICE_NAME, ready).await;
    }

    /// Whether the process is of any use: the empty name. Not serving means that only a restart will help.
    pub async fn set_alive(&self, alive: bool) {
        self.set("", alive).await;
    }

    /// Whether an issuer's keys are fresh: `curfew.keys.NAME`.
    pub async fn set_keys(&self, issuer: &str, fresh: bool) {
        self.set(&format!("curfew.keys.{issuer}"), fresh).await;
    }

    /// Ends every `Watch` of the service's own name, which would otherwise keep its connection open for ever.
    pub async fn end_watches(&self) {
        let mut reporter = self.0.clone();
        for service in ["", SERVICE_NAME] {
            reporter.clear_service_status(service).await;
        }
    }

    async fn set(&self, service: &str, serving: bool) {
        let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
        self.0.set_service_status(service, status).await;
    }
}

#[tonic::async_trait]
impl RevocationService for RevocationServer {
    type ValidateTokensStream = tokio_stream::Empty<Result<pb::ValidateTokensResponse, Status>>;

    async fn record_logout(
        &self,
        request: Request<pb::RecordLogoutRequest>,
    ) -> Result<Response<pb::RecordLogoutResponse>, Status> {
        let answered = self.calls.record_logout(request.into_inner(), Source::Grpc).await;
        answered.map(Response::new).map_err(|error| failed("RecordLogout", &error))
    }

    async fn get_last_logout(
        &self,
        request: Request<pb::GetLastLogoutRequest>,
    ) -> Result<Response<pb::GetLastLogoutResponse>, Status> {
        let answered = self.calls.get_last_logout(request.into_inner()).await;
        answered.map(Response::new).map_err(|error| failed("GetLastLogout", &error))
    }

    async fn validate_token(
        &self,
        request: Request<pb::ValidateTokenRequest>,
    ) -> Result<Response<pb::ValidateTokenResponse>, Status> {
        let answered = self.calls.validate_token(request.into_inner()).await;
        answered.map(Response::new).map_err(|error| failed("ValidateToken", &error))
    }

    async fn validate_tokens(
        &self,
        _request: Request<Streaming<pb::ValidateTokensRequest>>,
    ) -> Result<Response<Self::ValidateTokensStream>, Status> {
        Err(Status::internal("a stream is answered before it gets here"))
    }
}
