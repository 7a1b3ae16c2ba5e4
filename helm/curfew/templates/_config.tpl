{{- /*
A value as TOML. A JSON string, boolean or array of strings is valid TOML as it stands, but for U+007F, which TOML wants
escaped, and U+0085, which YAML would take for the end of a line.
*/}}
{{- define "curfew.toml.value" -}}
{{- if kindIs "map" . }}
{{- $pairs := list }}
{{- range $key, $value := . }}
{{- $pairs = append $pairs (printf "%s = %s" $key (include "curfew.toml.value" $value)) }}
{{- end }}
{{- printf "{ %s }" (join ", " $pairs) }}
{{- else }}
{{- toRawJson . | replace "\u007f" "\\u007f" | replace "\u0085" "\\u0085" }}
{{- end }}
{{- end }}

{{- define "curfew.toml" -}}
# Rendered by Helm from the values of release {{ .Release.Name }}.
[grpc]
listen = "0.0.0.0:50051"
# Curfew does not authenticate callers yet; the NetworkPolicy limits who can reach it.
insecure = true
reflection = {{ .Values.config.grpc.reflection }}
{{- if .Values.config.http.enabled }}

[http]
listen = "0.0.0.0:8080"
insecure = true
max_connections = {{ .Values.config.http.max_connections }}
request_timeout = {{ include "curfew.toml.value" .Values.config.http.request_timeout }}
{{- range .Values.config.http.clients }}

[[http.client]]
{{- range $key, $value := . }}
{{ $key }} = {{ include "curfew.toml.value" $value }}
{{- end }}
{{- end }}
{{- end }}
{{- range $section := list "runtime" "token_cache" "connections" "limits" }}


[{{ $section }}]
{{- range $key, $value := index $.Values.config $section }}
{{- if not (kindIs "invalid" $value) }}
{{ $key }} = {{ include "curfew.toml.value" $value }}
{{- end }}
{{- end }}
{{- end }}

[store]
path = "/var/lib/curfew"
retention = {{ include "curfew.toml.value" .Values.config.store.retention }}

[log]
format = {{ include "curfew.toml.value" .Values.config.log.format }}
level = {{ include "curfew.toml.value" .Values.config.log.level }}

[shutdown]
drain_delay = {{ include "curfew.toml.value" .Values.config.shutdown.drain_delay }}
grace = {{ include "curfew.toml.value" .Values.config.shutdown.grace }}
{{- range .Values.issuers }}

[[issuer]]
name = {{ include "curfew.toml.value" .name }}
issuer = {{ include "curfew.toml.value" .issuer }}
{{- range $key, $value := omit . "name" "issuer" }}
{{ $key }} = {{ include "curfew.toml.value" $value }}
{{- end }}
{{- end }}
{{ end }}
