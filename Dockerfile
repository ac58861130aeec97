# docker build -t avatarbridge .
# docker run -v avatarbridge:/data -p 127.0.0.1:8080:8080 -e TELEGRAM_TOKEN avatarbridge
FROM golang:1.26-trixie AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=1 go build -trimpath -o /avatarbridge ./cmd/avatarbridge

FROM debian:trixie-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates ffmpeg \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --home-dir /data --shell /usr/sbin/nologin avatarbridge \
 && install -d -o avatarbridge -m 0700 /data
COPY --from=build /avatarbridge /usr/local/bin/avatarbridge
USER avatarbridge
# The database, its backups, kept audio and config.toml. In it, set server.listen to ":8080" for the port to be reachable from outside
# of the container; leave admin_listen at 127.0.0.1, where "docker exec … avatarbridge pause" finds it.
VOLUME /data
WORKDIR /data
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["avatarbridge"]
