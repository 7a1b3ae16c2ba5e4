//! Starting and stopping: health, reflection, draining.

use std::{
    net::TcpStream,
    time::{Duration, Instant},
};

use curfew::transport::grpc::{SERVICE_NAME, pb};
use prost::Message;
use tokio_stream::StreamExt;
use tonic::transport::Channel;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tonic_reflection::pb::{
    v1::{
        ServerReflectionRequest, server_reflection_client::ServerReflectionClient, server_reflection_request,
        server_reflection_response,
    },
    v1alpha::{
        ServerReflectionRequest as AlphaRequest, server_reflection_client::ServerReflectionClient as AlphaClient,
        server_reflection_request as alpha_request, server_reflection_response as alpha_response,
    },
};

use crate::support::{Server, Setup, logout_of};

async fn channel(server: &Server) -> Channel {
    Channel::from_shared(server.url.clone()).unwrap().connect().await.unwrap()
}

fn health_of(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_started_server_is_alive_and_ready_and_says_what_it_offers() {
    let server = Setup::new().start();
    let mut health = HealthClient::new(channel(&server).await);
    for service in ["", SERVICE_NAME] {
        assert_eq!(health.check(health_of(service)).await.unwrap().into_inner().status(), ServingStatus::Serving);
    }
    let list = server_reflection_request::MessageRequest::ListServices(String::new());
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(list) };
    let mut answers = ServerReflectionClient::new(channel(&server).await)
        .server_reflection_info(tokio_stream::once(request))
        .await
        .unwrap()
        .into_inner();
    let Some(server_reflection_response::MessageResponse::ListServicesResponse(services)) =
        answers.next().await.unwrap().unwrap().message_response
    else {
        panic!("no list")
    };
    assert!(services.service.iter().any(|service| service.name == SERVICE_NAME));
    let symbol = alpha_request::MessageRequest::FileContainingSymbol(SERVICE_NAME.to_owned());
    let request = AlphaRequest { host: String::new(), message_request: Some(symbol) };
    let mut answers = AlphaClient::new(channel(&server).await)
        .server_reflection_info(tokio_stream::once(request))
        .await
        .unwrap()
        .into_inner();
    let Some(alpha_response::MessageResponse::FileDescriptorResponse(files)) =
        answers.next().await.unwrap().unwrap().message_response
    else {
        panic!("no file")
    };
    let file = prost_types::FileDescriptorProto::decode(files.file_descriptor_proto[0].as_slice()).unwrap();
    assert_eq!(file.package(), "curfew.v1");
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_can_be_turned_off() {
    let setup = Setup::new();
    let path = setup.write_config();
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("[grpc]\n", "[grpc]\nreflection = false\n")).unwrap();
    let server = setup.start_as_written();
    let list = server_reflection_request::MessageRequest::ListServices(String::new());
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(list) };
    let status = ServerReflectionClient::new(channel(&server).await)
        .server_reflection_info(tokio_stream::once(request))
        .await
        .unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unimplemented);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_server_says_so_finishes_what_is_in_flight_and_ends_well() {
    let mut setup = Setup::new();
    setup.top = "[shutdown]\ndrain_delay = \"1s\"\ngrace = \"5s\"";
    let mut server = setup.start();
    let mut watch =
        HealthClient::new(channel(&server).await).watch(health_of(SERVICE_NAME)).await.unwrap().into_inner();
    assert_eq!(watch.next().await.unwrap().unwrap().status(), ServingStatus::Serving);
    let mut client = server.client().await;
    // In flight when the signal comes: it settles for up to a second.
    let settling = tokio::spawn({
        let mut client = client.clone();
        async move { client.record_logout(pb::RecordLogoutRequest { settle: Some(true), ..logout_of("ann") }).await }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    server.signal("TERM");
    assert_eq!(watch.next().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    // While it drains, calls are still taken.
    let recorded = client.record_logout(logout_of("bob")).await.unwrap().into_inner();
    assert!(recorded.advanced);
    assert!(settling.await.unwrap().unwrap().into_inner().advanced);
    let started = Instant::now();
    assert_eq!(server.wait().code(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(4), "the open health watch kept it: {:?}", started.elapsed());
    assert!(server.log().contains("every call was answered"), "{}", server.log());
    // What was acknowledged while it drained is there.
    server.restart();
    let request = pb::GetLastLogoutRequest { subject: "bob".to_owned(), ..Default::default() };
    assert!(server.client().await.get_last_logout(request).await.unwrap().into_inner().last_logout_time.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_connection_delays_the_end_by_no_more_than_the_grace() {
    let mut setup = Setup::new();
    setup.top = "[shutdown]\ngrace = \"1s\"";
    let mut server = setup.start();
    let silent = TcpStream::connect(server.url.trim_start_matches("http://")).unwrap();
    server.signal("INT");
    let started = Instant::now();
    assert_eq!(server.wait().code(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_issuer_is_dead_is_alive_and_not_ready() {
    let setup = Setup::new();
    let path = setup.write_config();
    // Nobody listens there: the port was free a moment ago, and its listener is gone.
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let keys = text.lines().find(|line| line.starts_with("keys = ")).unwrap();
    let remote = format!("keys = {{ jwks_url = \"http://{dead}/jwks\" }}");
    std::fs::write(&path, text.replace(keys, &remote)).unwrap();
    let server = setup.start_without_waiting();
    let deadline = Instant::now() + Duration::from_secs(10);
    while !server.log().contains("could not be fetched") {
        assert!(Instant::now() < deadline, "{}", server.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!server.log().contains("ready"), "{}", server.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_dead_issuer_does_not_take_the_service_from_the_others() {
    let setup = Setup::new();
    let path = setup.write_config();
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let second = format!(
        "[[issuer]]\nname = \"dead\"\nissuer = \"http://{dead}\"\naudiences = [\"a\"]\nalgorithms = [\"ES256\"]\nkeys = {{ \
         discovery = true }}\n"
    );
    std::fs::write(&path, text + &second).unwrap();
    let server = setup.start_as_written();
    let mut health = HealthClient::new(channel(&server).await);
    let mut status = async |service: &str| health.check(health_of(service)).await.unwrap().into_inner().status();
    assert_eq!(status(SERVICE_NAME).await, ServingStatus::Serving);
    assert_eq!(status("curfew.keys.dead").await, ServingStatus::NotServing);
    let request = pb::ValidateTokenRequest { token: server.token("ann"), ..Default::default() };
    assert!(server.client().await.validate_token(request).await.unwrap().into_inner().valid);
}
