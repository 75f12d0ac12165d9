# An image of one program: EntraWatch, the C library that it needs, the certificate authorities. Nothing else in it can be run.
#   docker build --tag entrawatch .
ARG BUILD_IMAGE=rust:1.95-slim-bookworm
ARG RUNTIME_IMAGE=scratch

FROM ${BUILD_IMAGE} AS build
WORKDIR /build
# "off" makes a trial build shorter.
ARG LTO=thin
ENV CARGO_PROFILE_RELEASE_LTO=${LTO}

# The dependencies alone: this layer stays while only our own sources change.
COPY Cargo.toml Cargo.lock ./
RUN mkdir -p src tests/it \
    && echo 'fn main() {}' > src/main.rs \
    && cp src/main.rs tests/it/main.rs \
    && touch src/lib.rs \
    && cargo build --release --locked --bin entrawatch \
    && rm -r src tests

COPY config config
COPY build.rs ./
COPY src src
# The commit that `entrawatch --version` and entrawatch_build_info name.
ARG COMMIT=unknown
RUN mkdir -p tests/it && echo 'fn main() {}' > tests/it/main.rs \
    && touch src/main.rs src/lib.rs \
    && ENTRAWATCH_COMMIT=${COMMIT} cargo build --release --locked --bin entrawatch

# The program, the libraries that it names, the authorities, a user, and a folder that is that user's.
RUN binary=target/release/entrawatch \
    && install -D -m 0755 $binary /image/usr/bin/entrawatch \
    && ldd $binary > listed \
    && grep -o '/[^ ]*' listed > libraries \
    && while read -r library; do install -D -m 0755 "$library" "/image$library"; done < libraries \
    && install -D -m 0644 /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ca-certificates.crt \
    && install -d /image/etc/entrawatch \
    && echo 'entrawatch:x:10001:10001::/var/lib/entrawatch:/usr/sbin/nologin' > /image/etc/passwd \
    && echo 'entrawatch:x:10001:' > /image/etc/group \
    && install -d -m 0700 -o 10001 -g 10001 /image/var/lib/entrawatch

# hadolint ignore=DL3006 # named by the argument above
FROM ${RUNTIME_IMAGE}
ARG COMMIT=unknown
LABEL org.opencontainers.image.title="EntraWatch" \
      org.opencontainers.image.description="Tells the people who can act before a credential of a Microsoft Entra application ends" \
      org.opencontainers.image.source="https://github.com/entrawatch/entrawatch" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.revision="${COMMIT}"
COPY --from=build /image/ /
# The demo's folder goes where the store goes: all else may be read-only. The store's place is a default, which a configuration may
# change; the address is not, since a container that listens on its own loopback serves nobody.
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    TMPDIR=/var/lib/entrawatch \
    STATE_DIRECTORY=/var/lib/entrawatch \
    ENTRAWATCH__HTTP__LISTEN=0.0.0.0:9690
USER 10001:10001
# No VOLUME: a nameless one would look like a store that is kept. Mount one on /var/lib/entrawatch. It is not the WORKDIR: a runtime
# that may not enter it would say so in its own words, where ours say whose it is.
WORKDIR /
EXPOSE 9690
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 CMD ["/usr/bin/entrawatch", "healthcheck"]
ENTRYPOINT ["/usr/bin/entrawatch"]
CMD ["run"]
