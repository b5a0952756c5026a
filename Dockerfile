# The one image: `tickler serve`, as a user without rights, on port 8000.
FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin tickler

FROM debian:bookworm-slim
RUN useradd --uid 10001 --no-create-home tickler && install -d -o tickler /data
COPY --from=build /src/target/release/tickler /usr/local/bin/tickler
USER 10001
ENV TICKLER_BIND=0.0.0.0:8000 TICKLER_DATA_DIR=/data TICKLER_LOG_FORMAT=json
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["tickler", "health"]
ENTRYPOINT ["tickler"]
CMD ["serve"]
