import { UserPlus } from "lucide-react";
import { useState } from "react";
import { api, taken } from "~/api/client";
import { useList } from "~/api/list";
import { Badge } from "~/components/Badge";
import { Button } from "~/components/Button";
import { Card } from "~/components/Card";
import { Empty } from "~/components/Empty";
import { time } from "~/components/numbers";
import { PageHead } from "~/components/PageHead";
import { Shown } from "~/components/Shown";
import { columnsOf, Table } from "~/components/Table";
import { type Shapes, useMay, useOrg } from "~/session";
import { Invitations } from "./Invitations";
import { Invite } from "./Invite";
import { MemberSheet } from "./MemberSheet";
import { Projects } from "./Projects";

export type Member = Shapes["MemberShown"];

const column = columnsOf<Member>();
const columns = column.columns([
  column.accessor("name", { header: "Name", cell: ({ getValue }) => <span className="font-medium">{getValue()}</span> }),
  column.accessor("email", { header: "E-mail" }),
  column.accessor("role", { header: "Role", cell: ({ getValue }) => <Badge tone="accent">{getValue()}</Badge> }),
  column.accessor("enabled", { header: "State", cell: ({ getValue }) => (getValue() ? <Badge tone="good">active</Badge> : <Badge tone="bad">disabled</Badge>) }),
  column.accessor("created_at", { header: "Since", cell: ({ getValue }) => time(getValue()) }),
]);

/** Who belongs to the organisation, and to what its keys are put down. */
export default function Members() {
  const org = useOrg();
  const admin = useMay("admin");
  const [inviting, setInviting] = useState(false);
  const [open, setOpen] = useState<Member | null>(null);
  const members = useList(["members", org], (cursor) =>
    taken(api.GET("/api/v1/organisations/{org}/members", { params: { path: { org }, query: { limit: 100, cursor: cursor ?? null } } })),
  );
  const invite = admin && (
    <Button kind="primary" icon={<UserPlus aria-hidden size={14} />} onClick={() => setInviting(true)}>
      Invite
    </Button>
  );
  return (
    <>
      <PageHead title="Members" action={invite}>
        Owners and admins set things up, members have keys of their own, viewers look.
      </PageHead>
      <div className="flex flex-col gap-4">
        <Card>
          <Shown of={members}>
            <Table
              label="Members"
              columns={columns}
              rows={members.rows}
              keyOf={({ account }) => account}
              {...(admin ? { onOpen: setOpen } : {})}
              onNearEnd={members.more}
              empty={
                <Empty title="Nobody yet" action={invite}>
                  Invite somebody by a link: they choose a password, and are in.
                </Empty>
              }
            />
          </Shown>
        </Card>
        {admin && <Invitations />}
        <Projects />
      </div>
      {inviting && <Invite onClose={() => setInviting(false)} />}
      {open && <MemberSheet shown={open} onClose={() => setOpen(null)} />}
    </>
  );
}
