{{- define "dragoman.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "dragoman.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "dragoman.labels" -}}
{{ include "dragoman.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "dragoman.account" -}}
{{- .Values.serviceAccount.name | default (include "dragoman.fullname" .) -}}
{{- end -}}

{{/* Refuse what would lose data or stop requests. */}}
{{- define "dragoman.check" -}}
{{- $several := or .Values.autoscaling.enabled (gt (int .Values.replicaCount) 1) -}}
{{- if not .Values.secrets.database.name -}}
{{- if $several -}}
{{- fail "several replicas cannot share a SQLite file: set secrets.database, or replicaCount=1" -}}
{{- end -}}
{{- if not .Values.persistence.enabled -}}
{{- fail "a SQLite file needs a volume that stays: set secrets.database, or persistence.enabled=true" -}}
{{- end -}}
{{- end -}}
{{- if and $several .Values.persistence.enabled -}}
{{- fail "a volume belongs to one pod: set persistence.enabled=false, or replicaCount=1" -}}
{{- end -}}
{{- end -}}
