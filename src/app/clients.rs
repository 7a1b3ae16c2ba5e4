//! From configured HTTP clients to those that can prove who they are: secrets are read now.

use super::secrets;
use crate::{
    config::{Fault, HttpClientConfig},
    token::Secret,
    transport::http::{HttpClient, HttpClients},
};

/// Builds them; otherwise every secret that cannot be used.
pub(super) fn build(configs: &[HttpClientConfig]) -> Result<HttpClients, Vec<Fault>> {
    let (mut clients, mut faults) = (Vec::new(), Vec::new());
    let mut known: Vec<Secret> = Vec::new();
    for (index, config) in configs.iter().enumerate() {
        let mut fault = |text| faults.push(Fault { key: format!("http.client[{index}].secret_file"), text });
        match secrets::read(&config.secret_file) {
            // A secret may stand alone, and must then say whose it is.
            Ok(secret) if known.iter().any(|other| other.is(secret.reveal())) => {
                fault("has the secret of another client; each must have its own".to_owned());
            }
            Ok(secret) => {
                known.push(secret.clone());
                clients.push(HttpClient::new(&config.id, secret, config.audiences.clone()));
            }
            Err(text) => fault(text),
        }
    }
    if faults.is_empty() { Ok(HttpClients::new(clients)) } else { Err(faults) }
}
