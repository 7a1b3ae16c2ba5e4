# syntax=docker/dockerfile:1

ARG RUST_VERSION=1.95

FROM rust:${RUST_VERSION}-bookworm AS build
WORKDIR /src
# .dockerignore lets in only what the build reads.
COPY . .
# The image has the C compiler that aws-lc needs. The caches do not outlive the step, so the program is taken out in it.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --release --locked --bin curfew \
    && ./image-root target/release/curfew /image

# Nothing but the program, the C library it was linked with, the certificate authorities and names for its user.
FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="curfew" \
      org.opencontainers.image.description="A gRPC service that tells any backend whether a JWT was issued before its user's last logout" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /image /
# A fresh volume mounted there takes over its owner.
COPY --from=build --chown=65532:65532 /image/var/lib/curfew /var/lib/curfew
# By number: Kubernetes cannot tell from a name that it is not root.
USER 65532:65532
EXPOSE 50051
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/curfew"]
CMD ["serve", "--config", "/etc/curfew/curfew.toml"]
