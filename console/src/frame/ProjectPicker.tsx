import { useNavigate } from "@tanstack/react-router";
import { BOX } from "~/components/Field";
import { useProjects } from "~/session";
import { useProject } from "./view";

/** Which project's requests one looks at, where there are any. */
export function ProjectPicker() {
  const project = useProject();
  const navigate = useNavigate();
  const every = useProjects();
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
