{{- define "curfew.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 53 | trimSuffix "-" }}
{{- end }}

{{- /* 52 characters at most: Kubernetes adds to it, the longest addition being the 11 of a pod's revision label. */}}
{{- define "curfew.fullname" -}}
{{- $name := include "curfew.name" . }}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) }}
{{- default $full .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- define "curfew.selectorLabels" -}}
app.kubernetes.io/name: {{ include "curfew.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "curfew.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "curfew.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "curfew.serviceAccountName" -}}
{{- default (ternary (include "curfew.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name }}
{{- end }}

{{- define "curfew.image" -}}
{{- with .Values.image }}
{{- if .digest }}{{ .repository }}@{{ .digest }}
{{- else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Longer than the program itself may take to stop; the rest is for closing the store. */}}
{{- define "curfew.terminationGracePeriodSeconds" -}}
{{- $shutdown := .Values.config.shutdown }}
{{- add (trimSuffix "s" $shutdown.drain_delay) (trimSuffix "s" $shutdown.grace) 10 }}
{{- end }}

{{- /* What the schema cannot say, or not so that it helps. */}}
{{- define "curfew.check" -}}
{{- if ne (int .Values.replicas) 1 }}
{{- fail (printf "curfew: replicas is %v, but must be 1: the embedded store lives on one volume and has one writer. Two replicas would each know only half of the logouts, and honour tokens that the other one refuses." .Values.replicas) }}
{{- end }}
{{- if not .Values.issuers }}
{{- fail "curfew: set `issuers`: without an issuer no token can be checked. For example:\n\nissuers:\n  - name: acme\n    issuer: https://acme.eu.auth0.com/\n    audiences: [https://api.acme.example]\n    algorithms: [RS256]\n    keys: {discovery: true}\n" }}
{{- end }}
{{- end }}
