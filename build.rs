//! Compiles the protocol with a pure-Rust compiler, so that no system `protoc` is needed.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;

const PROTO_ROOT: &str = "proto";
const PROTO_FILES: [&str; 2] = ["proto/curfew/v1/revocation.proto", "proto/curfew/v1/admin.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={PROTO_ROOT}");
    let descriptors = protox::compile(PROTO_FILES, [PROTO_ROOT])?;
    #[allow(clippy::disallowed_methods, reason = "how cargo tells a build script")]
    let out = PathBuf::from(env::var("OUT_DIR")?);
    // Server reflection hands this out.
    fs::write(out.join("curfew.v1.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        .build_transport(true)
        .codec_path("crate::transport::grpc::StrictCodec")
        .compile_fds(descriptors)?;
    Ok(())
}
