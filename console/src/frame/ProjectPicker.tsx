import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { api, taken } from "~/api/client";
import { BOX } from "~/components/Field";
import { useOrg } from "~/session";
import { useProject } from "./view";

/** Which project's requests one looks at, where there are any. */
export function ProjectPicker() {
  const org = useOrg();
  const project = useProject();
  const navigate = useNavigate();
  const projects = useQuery({
    queryKey: ["projects", org, "all"],
    queryFn: () => taken(api.GET("/api/v1/organisations/{org}/projects", { params: { path: { org }, query: { limit: 200 } } })),
    staleTime: 30_000,
  });
  const every = projects.data?.items ?? [];
  if (every.length === 0 && project === undefined) return null;
  return (
    <select
      aria-label="Project"
      value={project ?? ""}
      onChange={(event) => void navigate({ to: ".", search: (before: Record<string, unknown>) => ({ ...before, project: event.target.value || undefined }) })}
      className={`${BOX} h-8 max-w-32 !w-auto truncate sm:max-w-52`}
    >
      <option value="">Every project</option>
      {project !== undefined && !every.some(({ name }) => name === project) && <option value={project}>{project}</option>}
      {every.map(({ name, title }) => (
        <option key={name} value={name}>
          {title || name}
        </option>
      ))}
    </select>
  );
}
