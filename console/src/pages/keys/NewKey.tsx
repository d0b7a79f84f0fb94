import { useState } from "react";
import { useChange } from "~/api/change";
import { api } from "~/api/client";
import { Button } from "~/components/Button";
import { SelectField, TextField } from "~/components/Field";
import { FormSheet } from "~/components/FormSheet";
import { Sheet } from "~/components/Sheet";
import { useMay, useOrg, useProjects } from "~/session";
import { RuleFields, type Rules } from "./RuleFields";
import { KeyText } from "./KeyText";

const DAY = 86_400;

/** Make a key; its text is shown this once. */
export function NewKey({ onClose }: { onClose: () => void }) {
  const org = useOrg();
  const admin = useMay("admin");
  const projects = useProjects();
  const [name, setName] = useState("");
  const [project, setProject] = useState("");
  const [member, setMember] = useState("");
  const [days, setDays] = useState("");
  const [rules, setRules] = useState<Rules>({ models: [], providers: [], endpoints: [], addresses: [] });
  const make = useChange(
    ["keys"],
    () =>
      api.POST("/api/v1/organisations/{org}/keys", {
        params: { path: { org } },
        body: { name, project: project || null, member: member || null, rules, expires_at: days === "" ? null : Date.now() / 1000 + Number(days) * DAY },
      }),
    { fields: ["name", "project", "member"], isNew: true },
  );
  if (make.data !== undefined)
    return (
      <Sheet title={`Key ${make.data.name}`} onClose={onClose} footer={<Button onClick={onClose}>Done</Button>}>
        <KeyText text={make.data.key} />
      </Sheet>
    );
  return (
    <FormSheet title="New key" onClose={onClose} save={make} verb="Make it" beside={<Button onClick={onClose}>Cancel</Button>}>
      <TextField
        label="Name"
        required
        autoFocus
        value={name}
        hint="The program or person that uses it: logs and charts call it so."
        error={make.at("name")}
        onChange={(event) => setName(event.target.value)}
      />
      {projects.length > 0 && (
        <SelectField
          label="Project"
          value={project}
          choices={[{ value: "", name: "none" }, ...projects.map((one) => ({ value: one.name, name: one.title || one.name }))]}
          hint="What it asks and spends is counted there, and its budget holds."
          error={make.at("project")}
          onChange={(event) => setProject(event.target.value)}
        />
      )}
      {admin && (
        <TextField
          label="Member"
          type="email"
          value={member}
          hint="Whose own it is, by their e-mail address: it ends when they leave. Empty: nobody's."
          error={make.at("member")}
          onChange={(event) => setMember(event.target.value)}
        />
      )}
      <TextField label="Valid for (days)" type="number" min={1} value={days} hint="Empty: until it is revoked." onChange={(event) => setDays(event.target.value)} />
      <RuleFields value={rules} onChange={setRules} />
    </FormSheet>
  );
}
